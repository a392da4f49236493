"""Where the programs are that tests start, and the ports that they get.

It needs nothing but Python, in any environment.
"""

import contextlib
import secrets
import shutil
import socket
from pathlib import Path

GO = Path.home() / "go" / "bin"
# Below those that Linux gives to whoever asks for any: a server binds its own some time later.
PORTS = range(10_000, 32_000)


def program(name: str) -> str | None:
    """Return a program's path, from the PATH or Go's."""
    return shutil.which(name) or shutil.which(name, path=str(GO))


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
