"""The load generator: a process of its own, because locust patches what a process imports.

    python -m holdfast.deployment.load_test_endpoint.generator

It reads its plan as one line of JSON from stdin and stops when stdin is closed, so that it never
outlives the step that started it. It writes a line for each request to stdout, [due, sent, done,
outcome] in seconds since the start, and at last an object of what it knows of itself.
Requests are due at a constant rate, whatever the answers do (an open load: Schroeder, Wierman &
Harchol-Balter 2006, Open versus closed); each user takes the next one that is due. A request that
no user was free for is sent late, and its wait counts (Tene, How not to measure latency).
"""

import json
import sys
import time
from typing import Any

from holdfast.deployment.endpoint import fallback_of

# A greenlet that sleeps longer than it asked for tells that this process is late.
HEARTBEAT = 0.01
# Seconds that it takes to make a user, amply.
SPAWNING = 0.002
FLUSH_LINES = 200
OK, TIMEOUT = "ok", "timeout"


class Schedule:
    """When requests are due, and what became of them; times are seconds since the start."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.start = time.perf_counter()
        self.taken = 0
        self.stopped = False
        self.lines: list[str] = []

    def now(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.start

    def take(self) -> tuple[int, float] | None:
        """Return number and time of the next request; None after the last."""
        number, due = self.taken, self.taken / self.plan["rate"]
        end = self.plan["duration"]
        if self.stopped or number >= self.plan["requests"] or due >= end or self.now() >= end:
            return None
        self.taken += 1
        return number, due

    def note(self, due: float, sent: float, done: float, outcome: str) -> None:
        """Write down what became of a request."""
        self.lines.append(json.dumps([round(due, 6), round(sent, 6), round(done, 6), outcome]))
        if len(self.lines) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand the lines over."""
        text = "".join(line + "\n" for line in self.lines)
        self.lines = []
        sys.stdout.write(text)
        sys.stdout.flush()


def outcome_of(response: Any, rows: int) -> str:
    """Return ok, or the kind of error: http_STATUS, no_connection, fallback or bad_answer."""
    if response.status_code != 200:
        return f"http_{response.status_code}" if response.status_code else "no_connection"
    try:
        document = json.loads(response.content)
        if fallback_of(document):
            return "fallback"
        if "predictions" in document:
            return OK if len(document["predictions"]) == rows else "bad_answer"
        return OK if document["outputs"][0]["shape"][0] == rows else "bad_answer"
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return "bad_answer"


def make_user(plan: dict[str, Any], schedule: Schedule) -> Any:
    """Return the class of locust's users, who share the schedule."""
    import gevent
    from locust import FastHttpUser, constant, task
    from locust.exception import StopUser

    bodies = [body.encode() for body in plan["bodies"]]
    headers = plan["headers"] | {"Content-Type": "application/json"}

    class Client(FastHttpUser):
        """Sends the requests that are due, one after another."""

        host = plan["url"]
        wait_time = constant(0)
        insecure = False
        max_redirects = 0
        connection_timeout = network_timeout = 2 * plan["timeout"]

        def send(self, number: int) -> str:
            started, outcome = time.perf_counter(), TIMEOUT
            # The client's limits are per read: a server that drips would never reach them.
            with gevent.Timeout(plan["timeout"], False):
                response = self.client.post(
                    plan["path"], data=bodies[number % len(bodies)], headers=headers
                )
                outcome = outcome_of(response, plan["rows"])
            # The client takes the end of the time for one of its own errors.
            if outcome != OK and time.perf_counter() - started >= plan["timeout"]:
                outcome = TIMEOUT
                self.client.client.close()
            return outcome

        @task
        def predict(self) -> None:
            taken = schedule.take()
            if taken is None:
                raise StopUser
            number, due = taken
            wait = due - schedule.now()
            if wait > 0:
                gevent.sleep(wait)
            if schedule.stopped:
                return
            sent = schedule.now()
            outcome = self.send(number)
            # Who was waiting for the time to come is sent late by this process alone.
            schedule.note(sent if wait > 0 else due, sent, schedule.now(), outcome)

    return Client


def probe(client: Any, schedule: Schedule) -> str:
    """Send one request that is not counted; return its outcome."""
    outcome = client.send(0)
    if outcome != OK:
        schedule.stopped = True
    return str(outcome)


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the load; return what the generator knows of itself."""
    import gevent
    from locust.env import Environment

    schedule = Schedule(plan)
    user = make_user(plan, schedule)
    environment = Environment(user_classes=[user], catch_exceptions=False)
    runner = environment.create_local_runner()
    late: list[float] = []

    def beat() -> None:
        while True:
            before = time.perf_counter()
            gevent.sleep(HEARTBEAT)
            late.append(time.perf_counter() - before - HEARTBEAT)

    def listen() -> None:
        # Nothing more is ever written to it: it ends with the step, however that ends.
        gevent.os.tp_read(sys.stdin.fileno(), 1)
        schedule.stopped = True
        gevent.sleep(plan["timeout"])
        runner.quit()

    first = probe(user(environment), schedule)
    helpers = [gevent.spawn(beat), gevent.spawn(listen)]
    cpu, schedule.start = time.process_time(), time.perf_counter() + SPAWNING * plan["users"]
    if first == OK:
        runner.start(plan["users"], spawn_rate=plan["users"])
        runner.spawning_greenlet.join()
        runner.user_greenlets.join()
    took = schedule.now()
    used = time.process_time() - cpu
    gevent.killall(helpers)
    schedule.flush()
    took = max(took, 1e-9)
    stalled = sum(lag for lag in late if lag > plan["late"])
    return {
        "probe": first,
        "seconds": took,
        "cpu": min(1.0, used / took),
        "stalled": min(1.0, stalled / took),
    }


if __name__ == "__main__":
    facts = run(json.loads(sys.stdin.readline()))
    print(json.dumps(facts), flush=True)
