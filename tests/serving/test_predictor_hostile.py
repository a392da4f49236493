"""The predictor among clients that send what they should not: a clear 4xx, and life goes on."""

import asyncio
import json
import logging
import socket

import httpx
import pytest

from holdfast.serving.predictor.gate import Gate, Limits
from holdfast.serving.predictor.telemetry import JsonLines
from tests.serving.predictors import V1, V2, rows_of, tensors

JSON = {"content-type": "application/json"}


@pytest.fixture
def row(people):
    return rows_of(people[0], 1)[0]


@pytest.fixture(autouse=True)
def lives_on(server, row):
    """After each test the same process answers."""
    yield
    assert server.process.poll() is None
    assert server.client.post(V1, json={"instances": [row]}).status_code == 200
    assert server.client.post(V2, json=tensors([row])).status_code == 200


def refused(answer: httpx.Response, status: int, kind: str) -> str:
    """Require a refusal of one kind, and return what it says."""
    assert (answer.status_code, answer.json()["kind"]) == (status, kind), answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return answer.json()["error"]


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("age", "40", "Found: text in row 1"),
        ("age", [40], "Found: array in row 1"),
        ("age", {"years": 40}, "Found: object in row 1"),
        ("city", 7, "Found: a number in row 1"),
        ("city", True, "Found: boolean in row 1"),
        ("since", "yesterday", "Found: other text in row 1"),
        ("since", 1_600_000_000, "Found: a number in row 1"),
        ("since", "0001-01-01T00:00:00+14:00", "Found: other text in row 1"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(column, value, found, server, row):
    rows = [row, row | {column: value}]
    for address, body in ((V1, {"instances": rows}), (V2, tensors(rows))):
        said = refused(server.client.post(address, json=body), 422, "wrong_type")
        assert column in said and found in said


def test_missing_and_unknown_features_are_named(server, row):
    short = {name: value for name, value in row.items() if name != "age"}
    for address, body in ((V1, {"instances": [row, short]}), (V2, tensors([row]))):
        if address == V2:
            body["inputs"] = body["inputs"][1:]
        assert "age" in refused(server.client.post(address, json=body), 422, "wrong_features")
    more = row | {"shoe": 42}
    said = refused(server.client.post(V1, json={"instances": [more]}), 422, "wrong_features")
    assert "Unknown: 1" in said
    twice = tensors([row])
    twice["inputs"].append(twice["inputs"][0])
    refused(server.client.post(V2, json=twice), 422, "wrong_features")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(word, server, row):
    for address, body in ((V1, {"instances": [row]}), (V2, tensors([row]))):
        text = json.dumps(body).replace(str(row["age"]), word)
        assert word in text
        answer = server.client.post(address, content=text, headers=JSON)
        assert answer.status_code in (400, 422)
        assert answer.json()["kind"] in ("malformed", "wrong_type")


@pytest.mark.parametrize(
    "body",
    [[], 1, "x", None, {}, {"instances": 1}, {"instances": None}, {"instances": [1]},
     {"instances": [None]}, {"instances": [[1]]}, {"instances": [{}, []]}, {"instances": [[]]}],
)  # fmt: skip
def test_bodies_of_another_shape_are_refused_by_v1(body, server):
    answer = server.client.post(V1, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [2]}, {"shape": []}, {"shape": [1, 2]}, {"shape": [-1]}, {"shape": ["1"]},
        {"shape": [1, 1, 1]}, {"shape": [10**30]}, {"datatype": "BYTES"}, {"datatype": "FP16"},
        {"datatype": "BOOL"}, {"datatype": "INT64", "data": [1.5]}, {"data": []}, {"data": [1, 2]},
        {"datatype": "UINT8", "data": [-1]}, {"datatype": "INT8", "data": [128]},
        {"data": [[1, 2]]}, {"data": {}}, {"data": None}, {"name": None}, {"name": ["age"]},
    ],
)  # fmt: skip
def test_tensors_of_another_shape_are_refused_by_v2(change, server, row):
    body = tensors([row])
    body["inputs"][0] |= change
    assert server.client.post(V2, json=body).status_code == 422


@pytest.mark.parametrize("body", [[], 1, None, {}, {"inputs": 1}, {"inputs": []}, {"inputs": [1]}])
def test_bodies_of_another_shape_are_refused_by_v2(body, server):
    answer = server.client.post(V2, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("text", ["", "{", '{"instances": [', "\x00", "instances", b"\xff\xfe\x00"])
def test_what_is_no_json_is_told_so(text, server):
    for address in (V1, V2):
        answer = server.client.post(address, content=text, headers=JSON)
        refused(answer, 400, "malformed")


def test_json_that_is_deep_is_refused(server):
    for depth in (100, 2000, 200_000):
        for address, start in ((V1, '{"instances": '), (V2, '{"inputs": ')):
            text = start + "[" * depth + "]" * depth + "}"
            answer = server.client.post(address, content=text, headers=JSON)
            assert answer.status_code in (400, 422), answer.text


def test_a_body_of_ten_megabytes_is_refused(server):
    body = b'{"instances": [' + b" " * 10 * 2**20 + b"]}"
    for address in (V1, V2):
        assert "1048576 bytes" in refused(
            server.client.post(address, content=body, headers=JSON), 413, "too_large"
        )

    def pieces():
        yield from (body[start : start + 2**16] for start in range(0, len(body), 2**16))

    refused(server.client.post(V1, content=pieces(), headers=JSON), 413, "too_large")


def test_a_hundred_thousand_rows_are_refused(server):
    said = server.client.post(V1, json={"instances": [[]] * 100_000})
    assert "10000 rows" in refused(said, 413, "too_many_rows")
    tensor = {"name": "age", "shape": [100_000], "datatype": "BOOL", "data": [True] * 100_000}
    body = {"inputs": [tensor]}
    assert server.client.post(V2, json=body).status_code in (413, 422)


def test_what_is_named_twice_is_refused(server, row):
    for address, body, name in ((V1, {"instances": [row]}, "age"), (V2, tensors([row]), "shape")):
        text = json.dumps(body)
        deep = text.replace(f'"{name}": ', f'"{name}": [1], "{name}": ', 1)
        for twice in (deep, text[:-1] + ", " + text[1:]):
            answer = server.client.post(address, content=twice, headers=JSON)
            assert "names nothing twice" in refused(answer, 400, "malformed")


@pytest.mark.parametrize(
    "media",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
)
def test_json_may_come_with_a_charset(media, server, row):
    """As axios and .NET send it; KServe's own handler does not read it."""
    for address, body in ((V1, {"instances": [row]}), (V2, tensors([row]))):
        headers = {"content-type": media}
        answer = server.client.post(address, content=json.dumps(body), headers=headers)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/octet-stream", "inference-header-content-length": "x"},
        {"content-type": "application/cloudevents+json"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {},
    ],
)
def test_other_content_types_are_refused(headers, server, row):
    for address in (V1, V2):
        content = json.dumps({"instances": [row]}).encode()
        answer = server.client.post(address, content=content, headers=headers)
        refused(answer, 415, "wrong_content_type")


def test_headers_of_events_change_nothing(server, row):
    names = ("ce-specversion", "ce-source", "ce-type", "ce-id")
    headers = dict.fromkeys(names, "1.0") | {"inference-header-content-length": "-5"}
    for address, body in ((V1, {"instances": [row]}), (V2, tensors([row]))):
        plain = server.client.post(address, json=body).json()
        event = server.client.post(address, json=body, headers=headers).json()
        plain.pop("id", None), event.pop("id", None)
        assert event == plain


def test_unknown_models_and_addresses_are_told_so(server, row):
    for address in ("/v1/models/other:predict", "/v2/models/other/infer"):
        body = {"instances": [row]} if "v1" in address else tensors([row])
        refused(server.client.post(address, json=body), 404, "unknown_model")
    for address in ("/v1/models/other", "/v2/models/other", "/v2/models/other/ready"):
        refused(server.client.get(address), 404, "unknown_model")
    refused(server.client.get("/v3/models"), 404, "no_such_address")
    refused(server.client.post("/v1/models/people:explain", json={}), 405, "wrong_method")
    refused(server.client.put(V1, json={}), 405, "wrong_method")
    refused(server.client.post(V1 + "/", json={}), 404, "no_such_address")
    for wrong in (server.client.get(V1), server.client.options(V1), server.client.get(V2)):
        assert "takes POST alone" in refused(wrong, 405, "wrong_method")
        assert wrong.headers["allow"] == "POST"


def test_an_unknown_version_is_told_so(server, row):
    start = "/v2/models/people/versions/9"
    refused(server.client.post(f"{start}/infer", json=tensors([row])), 404, "unknown_version")
    for address in (start, f"{start}/ready"):
        refused(server.client.get(address), 404, "unknown_version")
    other = server.client.get("/v2/models/other/versions/9")
    refused(other, 404, "unknown_model")


def test_a_version_in_the_query_is_not_looked_at(server):
    """KServe's handlers take one, and fail."""
    for address in ("/v2/models/people", "/v2/models/people/ready", "/v1/models/people"):
        assert server.client.get(f"{address}?model_version=AAA").status_code == 200


def connect(server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 20)


HEAD = b"POST /v1/models/people:predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_slow_client_is_told_that_its_time_is_up(server):
    with connect(server) as client:
        client.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_that_is_cut_off_leaves_a_line_and_no_more(server):
    with connect(server) as client:
        client.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"instances": [')
    assert server.line(error="client_left")["status"] == 499


def test_what_is_no_http_is_refused(server):
    for text in (
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
    ):
        with connect(server) as client:
            client.sendall(text)
            answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 400")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["kind"] == "not_http"
    assert server.line(error="not_http")["status"] == 400


def test_a_head_that_is_too_large_is_refused(server):
    """All bounds of a connection are tried in test_predictor_connection.py."""
    with connect(server) as client:
        client.sendall(HEAD + b"X: a\r\n" * 20_000 + b"\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 431")


def test_more_requests_than_the_bound_are_told_to_come_back():
    """The bound itself, since a server that is fast enough never reaches it."""

    async def slow(scope, receive, send):
        await asyncio.sleep(0.2)
        await answer_ok(scope, receive, send)

    async def both():
        gate = Gate(slow, Limits(in_flight=1))
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            asked = (client.post(V1, json={}) for _ in range(3))
            return await asyncio.gather(*asked)

    answers = asyncio.run(both())
    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
    (late, _) = [answer for answer in answers if answer.status_code == 503]
    assert late.headers["retry-after"] == "1"


def test_bodies_that_come_at_once_are_answered_as_many_as_the_bound_says():
    """None of them was there yet when the others were let in."""
    answered = 0

    async def slow(scope, receive, send):
        nonlocal answered
        answered += 1
        await asyncio.sleep(0.2)
        await answer_ok(scope, receive, send)

    async def three():
        go_on = asyncio.Event()

        async def body():
            yield b"{"
            await go_on.wait()
            yield b"}"

        transport = httpx.ASGITransport(Gate(slow, Limits(in_flight=1)))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            asked = [
                asyncio.create_task(client.post(V1, content=body(), headers=JSON)) for _ in range(3)
            ]
            await asyncio.sleep(0.1)
            go_on.set()
            return await asyncio.gather(*asked)

    codes = sorted(answer.status_code for answer in asyncio.run(three()))
    assert (codes, answered) == ([200, 503, 503], 1)


def test_a_connection_ends_with_a_refusal_that_read_no_body():
    gate = Gate(answer_ok, Limits())

    async def ask():
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            wrong = await client.post(V1, content=b"x", headers={"Content-Type": "text/plain"})
            return wrong, await client.post(V1, json={})

    wrong, right = asyncio.run(ask())
    assert (wrong.status_code, wrong.headers["connection"]) == (415, "close")
    assert (right.status_code, "connection" in right.headers) == (200, False)


def test_bodies_that_are_too_much_at_once_are_told_to_come_back():
    """Each is small enough, and none is there as a whole: they are counted as they come."""
    gate = Gate(answer_ok, Limits(bytes=1000, in_flight=2))

    async def three():
        go_on = asyncio.Event()

        async def body():
            yield b"x" * 900
            await go_on.wait()
            yield b"x"

        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            asked = [
                asyncio.create_task(client.post(V1, content=body(), headers=JSON)) for _ in range(3)
            ]
            late, waiting = await asyncio.wait(asked, return_when="FIRST_COMPLETED")
            go_on.set()
            return [task.result() for task in late], await asyncio.gather(*waiting)

    late, answered = asyncio.run(three())
    assert [answer.json()["kind"] for answer in late] == ["overloaded"]
    assert [answer.status_code for answer in answered] == [200, 200]
    assert gate.held == 0


async def answer_ok(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_defect_is_a_500_whose_log_names_the_place_and_no_value(caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("canary")

    async def ask():
        transport = httpx.ASGITransport(Gate(broken, Limits()))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.post(V1, json={})

    with caplog.at_level(logging.INFO, "holdfast.predictor"):
        answer = asyncio.run(ask())
    refused(answer, 500, "internal")
    assert "canary" not in answer.text
    line = JsonLines().format(caplog.records[-1])
    assert "canary" not in line
    assert json.loads(line)["exception"] == "RuntimeError"
    assert "broken" in json.loads(line)["where"][-1]
