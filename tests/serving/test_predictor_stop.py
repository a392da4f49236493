"""How the predictor ends: readiness first, then what is under way, and all of it within a bound."""

import json
import signal
import socket
import threading
import time

import httpx
import pytest

from tests.serving.predictors import V1, rows_of, serving

READY = "/v2/health/ready"


@pytest.fixture
def body(people):
    return {"instances": rows_of(people[0], 1)}


class Caller:
    """Asks all the time, from several threads, each on a connection that it keeps.

    A request that fails is tried again, at the next address; what is never answered is `lost`.
    """

    def __init__(self, addresses: list[str], body: dict, threads: int = 4, tries: int = 5) -> None:
        self.addresses, self.body, self.tries = addresses, body, tries
        self.answers: list[httpx.Response] = []
        self.lost: list[str] = []
        self.first_tries: list[str] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.call) for _ in range(threads)]

    def __enter__(self) -> "Caller":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def call(self) -> None:
        with httpx.Client(timeout=20) as client:
            while not self.ended.is_set():
                self.ask(client)
                time.sleep(0.02)

    def ask(self, client: httpx.Client) -> None:
        said = ""
        for turn in range(self.tries):
            address = self.addresses[turn % len(self.addresses)]
            try:
                answer = client.post(address + V1, json=self.body)
                if answer.status_code == 200:
                    self.answers.append(answer)
                    return
                said = f"{answer.status_code} {answer.text}"
            except httpx.TransportError as error:
                said = repr(error)
            self.first_tries.append(said)
            time.sleep(0.05)
        self.lost.append(said)


def test_no_request_is_lost_while_one_server_takes_over_from_another(people, body, tmp_path):
    options = ["--drain-seconds", "5"]
    with (
        serving(people[1], tmp_path / "old", *options) as old,
        serving(people[1], tmp_path / "new", *options) as new,
        Caller([old.url, new.url], body) as caller,
    ):
        while len(caller.answers) < 20:
            time.sleep(0.05)
        old.process.send_signal(signal.SIGTERM)
        while old.client.get(READY).status_code == 200:
            time.sleep(0.01)
        # Whoever does not know yet that it stops is answered, and told to connect anew.
        assert old.client.get("/v2/health/live").status_code == 200
        late = old.client.post(V1, json=body)
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        assert old.client.get("/v1/models/people").status_code == 503
        assert not caller.first_tries
        assert old.process.wait(timeout=60) == 0
        taken_over = len(caller.answers)
        while len(caller.answers) < taken_over + 20:
            time.sleep(0.05)
    assert caller.lost == []
    assert len({answer.text for answer in caller.answers}) == 1
    assert [entry["event"] for entry in old.lines("stopped")] == ["stopped"]
    # Each answer of the one that ended has its line, however near the end it was.
    answered = [answer for answer in caller.answers if str(answer.url).startswith(old.url)]
    told = [e for e in old.lines() if e["protocol"] == "v1" and e["status"] == 200]
    assert len(told) == len(answered) + 1


def test_what_is_under_way_is_finished_and_no_client_holds_the_server_up(people, tmp_path):
    """By Ctrl-C, which waits for nobody to hear of it."""
    options = ["--drain-seconds", "300", "--grace-seconds", "10", "--body-seconds", "600"]
    rows = rows_of(people[0], 400) * 25
    found = []
    with serving(people[1], tmp_path / "log", *options, "--max-bytes", "9999999") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as holding:
            holding.sendall(
                b"POST /v1/models/people:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Content-Type: application/json\r\n\r\n{"
            )
            asking = threading.Thread(
                target=lambda: found.append(server.client.post(V1, json={"instances": rows}))
            )
            asking.start()
            while server.metric("holdfast_requests_in_flight") == 0 and not found:
                pass
            server.process.send_signal(signal.SIGINT)
            asking.join()
            assert server.process.wait(timeout=60) == 0
        assert [entry["drain_seconds"] for entry in server.lines("stopping")] == [0]
    assert found[0].status_code == 200
    assert len(json.loads(found[0].text)["predictions"]) == 10_000
