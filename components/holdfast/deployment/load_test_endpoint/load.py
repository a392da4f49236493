"""How much is sent, by what process, and what came of it."""

import json
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from holdfast.deployment.endpoint import Endpoint, Protocol
from holdfast.deployment.examples import Described, Rows, body_of
from holdfast.errors import InputError, MachineError

GENERATOR = "holdfast.deployment.load_test_endpoint.generator"
MOST_REQUESTS, MOST_USERS, MOST_SECONDS, MOST_ROWS = 200_000, 1000, 3600.0, 10_000
# Distinct bodies: enough that a cache does not answer, few enough to be held.
MOST_BODIES, BODY_BYTES = 100, 32 * 2**20
# Seconds beyond its own bound after which the generator is ended from outside.
START, GRACE = 30.0, 10.0
TAIL = 500


@dataclass(frozen=True)
class Load:
    """A bounded load: requests a second, and what ends it, whichever comes first.

    Attributes:
        rate: Requests a second.
        seconds: How long.
        requests: How many at most.
        users: How many requests may wait for an answer at once.
        rows: Rows in each request.
        timeout: Seconds until a request is given up.
        late: Seconds by which the generator itself may be late.
    """

    rate: float = 10.0
    seconds: float = 30.0
    requests: int = 10_000
    users: int = 50
    rows: int = 1
    timeout: float = 10.0
    late: float = 0.01

    def __post_init__(self) -> None:
        """Refuse a load without bounds.

        Raises:
            InputError: A number is out of its range.
        """
        ranges = {
            "rate": (self.rate, 10_000.0),
            "duration_seconds": (self.seconds, MOST_SECONDS),
            "max_requests": (self.requests, MOST_REQUESTS),
            "users": (self.users, MOST_USERS),
            "rows_per_request": (self.rows, MOST_ROWS),
            "timeout_seconds": (self.timeout, 600.0),
        }
        for name, (value, most) in ranges.items():
            if not 0 < value <= most:
                raise InputError(
                    f"`{name}` must lie above 0 and be at most {most:g}. Found: {value}. A larger "
                    f"load is not for one process."
                )
        if self.wanted < 1:
            raise InputError(
                f"`rate` and `duration_seconds` must give one request at least. Found: {self.rate} "
                f"a second for {self.seconds} s. Take a longer time."
            )

    @property
    def wanted(self) -> int:
        """Return how many requests are to be sent."""
        return min(self.requests, int(self.rate * self.seconds))


@dataclass(frozen=True)
class Request:
    """One request that was counted, in seconds since the start.

    `due` is when it should have been sent. It differs from `sent` only where no user was free.
    """

    due: float
    sent: float
    done: float
    outcome: str

    @property
    def seconds(self) -> float:
        """Return how long its sender would have waited."""
        return self.done - self.due


@dataclass(frozen=True)
class Run:
    """What came of a load.

    `probe` is the outcome of the first request, which is not counted; where it is not ok, nothing
    else was sent. `seconds` is the time until the last answer, `cpu` the generator's share of one
    core, and `stalled` the share of the time that it was late by itself, more than it may be.
    """

    requests: tuple[Request, ...]
    probe: str
    seconds: float
    cpu: float
    stalled: float


def bodies_of(rows: Rows, described: Described, protocol: Protocol, count: int) -> list[str]:
    """Return the bodies that are sent in turn, each of `count` rows."""
    first = body_of(rows.part(0, count), described.types, protocol)
    many = min(MOST_BODIES, len(rows), max(1, BODY_BYTES // len(first)))
    parts = (rows.part(number * count, count) for number in range(many))
    return [body_of(part, described.types, protocol).decode() for part in parts]


def run(endpoint: Endpoint, protocol: Protocol, bodies: list[str], load: Load) -> Run:
    """Run a load in a process of its own.

    The process ends with this one: it stops when the pipe between them is closed.

    Raises:
        MachineError: The process failed or did not keep to its bound.
    """
    plan = {
        "url": endpoint.base(), "path": endpoint.path(protocol), "headers": endpoint.headers(),
        "bodies": bodies, "rows": load.rows, "rate": load.rate, "duration": load.seconds,
        "requests": load.wanted, "users": min(load.users, load.wanted), "timeout": load.timeout,
        "late": load.late,
    }  # fmt: skip
    bound = START + load.seconds + 2 * load.timeout + GRACE
    with tempfile.TemporaryFile() as log:
        lines, code = _talk(json.dumps(plan), bound, log)
        if code == 0 and lines and isinstance(lines[-1], dict):
            requests = tuple(Request(*line) for line in lines[:-1])
            return Run(tuple(sorted(requests, key=lambda r: r.due)), **lines[-1])
        log.seek(0)
        said = " ".join(log.read()[-TAIL:].decode(errors="replace").split())
    raise MachineError(
        f"The load generator ended with code {code} after {len(lines)} requests, and its result is "
        f"not whole. It said: {said or 'nothing'}. Give the step more memory, or lower `rate`."
    )


def _talk(plan: str, bound: float, log: Any) -> tuple[list[Any], int]:
    """Give the generator its plan; return what it wrote, and its exit code."""
    command = [sys.executable, "-m", GENERATOR]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True) as process:
        assert process.stdin and process.stdout  # noqa: S101  # both are pipes
        watch = threading.Timer(bound, process.kill)
        watch.start()
        lines: list[Any] = []
        try:
            # The token travels here: a command line can be read by others.
            process.stdin.write(plan + "\n")
            process.stdin.flush()
            lines.extend(json.loads(line) for line in process.stdout)
        except (OSError, ValueError):
            # It died early: its exit code tells.
            process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            watch.cancel()
            with suppress(OSError):
                process.stdin.close()
        return lines, process.wait()
