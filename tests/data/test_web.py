"""Sources behind http, against a real server that misbehaves as servers do."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from holdfast.data.ingest_table import logic
from holdfast.data.resolve_source.logic import resolve
from holdfast.data.sources import transfer
from holdfast.errors import InputError, MachineError

CONTENT = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(50_000))


class Server(ThreadingHTTPServer):
    """Serves `content`; `failures` are what its next answers do instead."""

    content = CONTENT
    etag = '"1"'
    failures: list[str] = []  # noqa: RUF012
    asked = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked += 1
        failure = server.failures.pop(0) if server.failures else ""
        if failure.isdigit():
            self.send_error(int(failure))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.content)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(server.content[: len(server.content) // (2 if failure == "cut" else 1)])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


@pytest.fixture
def server():
    running = Server(("127.0.0.1", 0), Handler)
    running.failures = []
    threading.Thread(target=running.serve_forever, args=[0.02], daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def uri(server):
    return f"http://127.0.0.1:{server.server_port}/tables/t.csv"


@pytest.fixture
def ingest(uri, tmp_path, no_leftovers):
    return lambda **reading: logic.ingest(uri, tmp_path / "table", reading=logic.Reading(**reading))


def test_an_object_is_read(ingest):
    assert ingest().rows == 50_000


def test_what_it_is_its_content_tells(ingest, server):
    server.content = gzip.compress(CONTENT)
    assert ingest().rows == 50_000


@pytest.mark.parametrize("failure", ["cut", "500", "503", "429"])
def test_an_answer_that_fails_in_passing_is_asked_for_again(ingest, server, failure):
    server.failures = ["", failure, failure]
    assert ingest().rows == 50_000
    assert server.asked == 4


@pytest.mark.parametrize(
    ("failure", "found"), [("cut", "ProtocolError|IncompleteRead"), ("503", "status 503")]
)
def test_a_server_that_always_fails_leaves_nothing(ingest, server, tmp_path, failure, found):
    server.failures = ["", *[failure] * 20]
    with pytest.raises(MachineError, match=rf"needs the server 127.0.0.1:\d+ to send.*({found})"):
        ingest()
    assert server.asked == 1 + transfer.ATTEMPTS
    assert not list(tmp_path.glob("table*"))


@pytest.mark.parametrize("status", ["403", "404"])
def test_a_refusal_is_told_at_once(ingest, server, status):
    server.failures = [status]
    with pytest.raises(InputError, match=rf"lets you read. Found: status {status}. Check"):
        ingest()
    assert server.asked == 1


def test_a_server_that_is_not_there_is_named(tmp_path):
    with pytest.raises(
        MachineError, match=r"127.0.0.1:9 to send the whole object. Found: Connection refused, each"
    ):
        logic.ingest("http://127.0.0.1:9/t.csv", tmp_path / "table")


def test_an_object_that_changes_between_listing_and_reading_is_refused(uri, server, tmp_path):
    from holdfast.data.sources.places import place_of

    place = place_of(uri)
    (part,) = place.parts()
    server.etag = '"2"'
    with pytest.raises(InputError, match="must stay as it is while it is read"):
        place.fetch(part, tmp_path / "0", 10**9)


def test_resolve_source_goes_by_the_etag_or_else_by_the_content(uri, server):
    by_etag = resolve(uri).fingerprint
    server.etag = ""
    by_content = resolve(uri)
    server.content = CONTENT.replace(b"x", b"y")
    assert len({by_etag, by_content.fingerprint, resolve(uri).fingerprint}) == 3
    assert (by_content.objects, by_content.bytes) == (1, len(CONTENT))


def test_an_endless_answer_ends_at_the_limit(ingest, server):
    with pytest.raises(InputError, match="`max_bytes` = 1000"):
        ingest(max_bytes=1000)


def test_neither_a_user_nor_a_glob_goes_into_a_web_address(tmp_path):
    for uri, found in (("http://me@host/t", "without a user"), ("http://host/*.csv", "no folders")):
        with pytest.raises(InputError, match=found):
            logic.ingest(uri, tmp_path / "table")


def test_a_signature_is_in_no_message(server, uri, tmp_path):
    server.failures = ["403"]
    with pytest.raises(InputError) as refused:
        logic.ingest(f"{uri}?X-Amz-Signature=secret", tmp_path / "table")
    assert "secret" not in str(refused.value)
