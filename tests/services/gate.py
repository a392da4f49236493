"""A way to a server that can be cut off at a chosen request: what an outage looks like."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

# What happens at the request: it never arrives, or it does and its answer is lost; once, or from
# then on nothing passes any more.
Cut = Literal["request lost", "answer lost", "down"]


@dataclass
class Gate:
    """Passes on what it is sent, until it is told to cut."""

    address: str
    pattern: re.Pattern[bytes] | None = None
    cut: Cut = "down"
    skip: int = 0
    times: int = 1
    is_down: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close_at(self, pattern: str, cut: Cut, skip: int = 0, times: int = 1) -> None:
        """Cut at requests whose first line matches, after `skip` of them have passed."""
        self.pattern, self.cut, self.skip, self.times = (
            re.compile(pattern.encode()),
            cut,
            skip,
            times,
        )

    def open(self) -> None:
        """Let everything pass again."""
        self.pattern, self.is_down = None, False

    def ask(self, data: bytes) -> Cut | None:
        """Return what is to happen to some bytes of a client."""
        with self.lock:
            if self.is_down:
                return "down"
            if self.pattern is None or not self.pattern.search(data.split(b"\r\n", 1)[0]):
                return None
            if self.skip:
                self.skip -= 1
                return None
            if self.cut == "down":
                self.is_down = True
            elif not self.times:
                return None
            self.times -= 1
            return self.cut


@contextmanager
def gate_to(endpoint: str) -> Iterator[Gate]:
    """Run a gate to a server of this machine, http://HOST:PORT."""
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    gate = Gate(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                if gate.is_down:
                    client.close()
                    continue
                way = Way(gate, client, socket.create_connection((host, int(port))))
                for work in (way.ask, way.answer):
                    threading.Thread(target=work, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield gate
    finally:
        listener.close()


@dataclass
class Way:
    """One connection through a gate."""

    gate: Gate
    client: socket.socket
    server: socket.socket
    mute: bool = False

    def ask(self) -> None:
        """Pass on what the client sends."""
        with contextlib.suppress(OSError):
            while data := self.client.recv(65_536):
                cut = self.gate.ask(data)
                self.mute = self.mute or cut == "answer lost"
                if cut and not self.mute:
                    break
                self.server.sendall(data)
        if not self.mute:
            self.end()

    def answer(self) -> None:
        """Pass on what the server answers."""
        with contextlib.suppress(OSError):
            # Where the answer is to be lost, the server has done what it was asked by then.
            while (data := self.server.recv(65_536)) and not self.mute:
                self.client.sendall(data)
        self.end()

    def end(self) -> None:
        """Cut the connection."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
