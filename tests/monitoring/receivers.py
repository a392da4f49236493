"""Real receivers of alerts on this machine: over HTTP, and a mail server with STARTTLS and login.

Each does what it is told to for one connection after the other: answer with a status, hang, refuse
to read on, break off. The last behaviour goes on for ever.
"""

import base64
import ipaddress
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# Longer than any test is patient.
HANG = 15.0


@dataclass(frozen=True)
class Answer:
    """How one HTTP request is answered.

    `cut` closes after the request was read, before anything is said; `cut_body` in the middle of
    the body; `trickle` sends the body a byte now and then; `hang` says nothing.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False
    trickle: bool = False
    cut: bool = False
    cut_body: bool = False


OK = Answer()


@dataclass(frozen=True)
class Received:
    """One HTTP request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A running HTTP receiver; `requests` are all that came, also those it did not answer."""

    url: str
    requests: list[Received] = field(default_factory=list)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    answers: list[Answer]
    requests: list[Received]


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Received(self.command, self.path, headers, body))
        left = self.server.answers
        answer = left.pop(0) if len(left) > 1 else left[0]
        with suppress(OSError):
            self._give(answer)

    def do_PUT(self) -> None:
        self.do_POST()

    def _give(self, answer: Answer) -> None:
        self.close_connection = True
        if answer.hang:
            time.sleep(HANG)
        if answer.hang or answer.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for header in answer.headers:
            self.send_header(*header)
        trickled = int(HANG / 0.1) if answer.trickle else 0
        longer = 100 if answer.cut_body else trickled
        self.send_header("Content-Length", str(len(answer.body) + longer))
        self.end_headers()
        self.wfile.write(answer.body)
        for _ in range(trickled):
            time.sleep(0.1)
            self.wfile.write(b".")
            self.wfile.flush()


@contextmanager
def http_receiver(*answers: Answer) -> Iterator[Receiver]:
    """Run a receiver that gives the answers in order, and then the last one."""
    server = _HttpServer(("127.0.0.1", 0), _HttpHandler)
    server.answers, server.requests = list(answers or (OK,)), []
    with _running(server):
        yield Receiver(f"http://127.0.0.1:{server.server_port}", server.requests)


@dataclass
class Letter:
    """One mail, and over what it came."""

    sender: str
    recipients: list[str]
    text: str
    user: str
    encrypted: bool


@dataclass
class Mailbox:
    """A running mail server at `address`; `connections` counts those that were made."""

    address: str
    letters: list[Letter] = field(default_factory=list)
    connections: int = 0


@contextmanager
def mail_server(
    *manners: str,
    certificate: tuple[Path, Path] | None = None,
    implicit: bool = False,
    user: str = "",
    password: str = "",
    refused: Sequence[str] = (),
) -> Iterator[Mailbox]:
    """Run a mail server (RFC 5321) that behaves per connection as `manners` say, in order.

    ok takes the mail; busy answers MAIL with 451; never with 554; hang never greets; cut closes
    after DATA. With a user it wants a login, which it takes over TLS only.
    """
    queue = list(manners or ("ok",))
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            mailbox.connections += 1
            manner = queue.pop(0) if len(queue) > 1 else queue[0]
            with suppress(OSError, ConnectionError, ssl.SSLError):
                if manner == "hang":
                    time.sleep(HANG)
                    return
                connection = self.request
                if implicit and context:
                    connection = context.wrap_socket(connection, server_side=True)
                _Session(
                    connection, context, mailbox, manner, user, password, refused, implicit
                ).run()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    mailbox = Mailbox(f"127.0.0.1:{server.server_address[1]}")
    with _running(server):
        yield mailbox


class _Session:
    """One connection to the mail server."""

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext | None,
        mailbox: Mailbox,
        manner: str,
        user: str,
        password: str,
        refused: Sequence[str],
        encrypted: bool,
    ) -> None:
        self.connection, self.context, self.mailbox = connection, context, mailbox
        self.manner, self.user, self.password = manner, user, password
        self.refused, self.encrypted = refused, encrypted
        self.known, self.sender, self.recipients = "", "", []
        self.lines = connection.makefile("rb")

    def run(self) -> None:
        self.say("220 mail.test ESMTP")
        while raw := self.lines.readline():
            line = raw.decode().strip()
            verb = line[:4].upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            step = getattr(self, f"on_{verb.lower()}", None)
            if step is None:
                self.say("502 what?")
            elif step(line) is False:
                return
            if verb == "STAR":
                self.lines = self.connection.makefile("rb")

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def on_ehlo(self, line: str) -> None:
        more = ["250-STARTTLS"] if self.context and not self.encrypted else []
        more += ["250-AUTH PLAIN"] if self.user and self.encrypted else []
        self.say("250-mail.test", *more, "250 8BITMIME")

    def on_star(self, line: str) -> None:
        self.say("220 go ahead")
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.encrypted = True

    def on_auth(self, line: str) -> None:
        given = base64.b64decode(line.split()[2]).decode().split("\0")[1:]
        if not self.encrypted or given != [self.user, self.password]:
            self.say("535 5.7.8 wrong user or password")
            return
        self.known = given[0]
        self.say("235 welcome")

    def on_mail(self, line: str) -> None:
        if self.user and not self.known:
            self.say("530 5.7.0 log in first")
        elif self.manner in ("busy", "never"):
            self.say("451 later" if self.manner == "busy" else "554 no")
        else:
            self.sender = line.partition(":")[2].split()[0].strip("<>")
            self.say("250 ok")

    def on_rcpt(self, line: str) -> None:
        recipient = line.partition(":")[2].split()[0].strip("<>")
        if recipient in self.refused:
            self.say("550 no such user")
        else:
            self.recipients.append(recipient)
            self.say("250 ok")

    def on_rset(self, line: str) -> None:
        self.recipients = []
        self.say("250 ok")

    def on_data(self, line: str) -> bool | None:
        self.say("354 go on")
        text = b""
        while not text.endswith(b"\r\n.\r\n"):
            text += self.lines.readline()
        if self.manner == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.mailbox.letters.append(
            Letter(self.sender, self.recipients, text.decode(), self.known, self.encrypted)
        )
        self.say("250 taken")
        return None


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for this machine, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, raw = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, raw, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"
