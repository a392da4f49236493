"""Connections that are slow, idle or endless: uvicorn has no bounds for them, the predictor has."""

import asyncio
import json
import logging
import socket
import threading
import time
from functools import partial

import pytest
import uvicorn

from holdfast.serving.predictor.connection import HEAD_BYTES, Connection

SECONDS = 0.4
LARGE = 50 * 2**20
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"b" * 100_000
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n"


async def app(scope, receive, send):
    """Read the body, and answer: slowly, at length, or at once."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * SECONDS)
    body = b"x" * (LARGE if scope["path"] == "/large" else 1)
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server():
    """uvicorn with these connections, and its port."""
    http = partial(Connection, seconds=SECONDS)
    config = uvicorn.Config(app, port=0, http=http, ws="none", lifespan="off", log_config=None)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield running
    running.should_exit = True
    thread.join()


@pytest.fixture
def client(server):
    with connect(server) as connected:
        yield connected


def connect(server) -> socket.socket:
    return socket.create_connection(server.servers[0].sockets[0].getsockname()[:2], 20)


def read(client) -> bytes:
    """Return all that the server says until it closes the connection."""
    found = b""
    try:
        while part := client.recv(2**16):
            found += part
    except ConnectionResetError:
        pass
    return found


def refused(answer: bytes) -> tuple[int, str]:
    """Return the status and the kind of a refusal, which comes last."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 4") :].partition(b"\r\n\r\n")
    told = json.loads(body)
    assert told["error"] and told["request_id"].encode() in head
    return int(head.split()[1]), told["kind"]


@pytest.mark.parametrize("sent", [GET, b"G", b"\r\n"])
def test_a_head_that_does_not_end_in_time_is_refused(sent, client):
    client.sendall(sent)
    assert refused(read(client)) == (408, "slow_head")


def test_a_second_head_on_a_connection_must_come_in_time_too(client):
    client.sendall(GET + b"\r\n" + GET)
    answer = read(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert refused(answer) == (408, "slow_head")


def test_a_connection_on_which_nothing_is_asked_is_closed(client):
    assert read(client) == b""


def test_a_head_behind_a_slow_request_waits_for_its_answer(client):
    client.sendall(GET.replace(b"/", b"/slow", 1) + b"\r\n" + GET)
    time.sleep(2 * SECONDS)
    assert read(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        GET + b"X: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
        GET + b"X: a\r\n" * 20_000 + b"\r\n",
        CHUNKED + b"X: a\r\n" * 20_000 + b"\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused_once(sent, client, caplog):
    with caplog.at_level(logging.INFO, "holdfast.predictor"):
        client.sendall(sent)
        assert refused(read(client)) == (431, "head_too_large")
    assert [record.told["error"] for record in caplog.records if hasattr(record, "told")] == [
        "head_too_large"
    ]


def test_a_header_without_end_is_refused_before_it_ends(client):
    client.sendall(GET + b"X: ")
    for _ in range(5):
        client.sendall(b"a" * 20_000)
        time.sleep(0.01)
    assert refused(read(client)) == (431, "head_too_large")


def test_many_requests_in_one_piece_are_no_large_head(client):
    client.sendall(POST * 20 + GET + b"Connection: close\r\n\r\n")
    assert read(client).count(b"HTTP/1.1 200") == 21


def test_an_answer_that_nobody_reads_is_given_up(server, client):
    client.sendall(GET.replace(b"/", b"/large", 1) + b"\r\n")
    while not server.server_state.connections:
        time.sleep(0.01)
    for _ in range(100):
        if not server.server_state.connections:
            break
        time.sleep(0.05)
    assert not server.server_state.connections
    assert len(read(client)) < LARGE


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n"])
def test_what_is_no_http_is_told_so_as_json(sent, client):
    client.sendall(sent)
    assert refused(read(client)) == (400, "not_http")
