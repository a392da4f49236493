"""Whether an endpoint stays well while its traffic shifts: requests, spread over a step's time."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.deployment.endpoint import (
    Answer,
    Caller,
    Endpoint,
    Patience,
    fallback_of,
    protocols,
)
from holdfast.deployment.examples import body_of, read_example, read_model
from holdfast.errors import InputError
from holdfast.reading import read_json
from holdfast.verdict import Reason

SERVICE, CANARY = "service", "canary"
READY = "/v2/health/ready"


@dataclass(frozen=True)
class Question:
    """What is asked: a path below the endpoint's address, and a body (None: GET)."""

    path: str
    body: bytes | None


@dataclass(frozen=True)
class Objectives:
    """What each step must keep to: p95 in milliseconds, errors as a share of the requests."""

    p95_ms: float
    error_share: float
    requests: int
    seconds: float
    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what can't be kept, or can't be broken."""
        if not (math.isfinite(self.p95_ms) and self.p95_ms > 0 and 0 <= self.error_share < 1):
            raise InputError(
                f"`p95_objective_ms` must be above 0, and `max_error_share` at least 0 and below "
                f"1. Found: {self.p95_ms} and {self.error_share}. The usual ones are 500 and 0.01."
            )
        if not 1 <= self.requests <= 100_000 or not 0 <= self.seconds <= 86_400:
            raise InputError(
                f"`requests` must lie between 1 and 100000, and `step_seconds` between 0 and "
                f"86400. Found: {self.requests} and {self.seconds}. The usual ones are 50 and 60."
            )


@dataclass(frozen=True)
class Health:
    """What came back from a target (service, or canary) in a step.

    `p95_ms` is None where nothing answered; `faults` are counted by what was wrong; `versions`
    counts the answers by the version that they name.
    """

    target: str
    requests: int
    errors: int
    p95_ms: float | None
    faults: tuple[tuple[str, int], ...] = ()
    versions: tuple[tuple[str, int], ...] = ()

    @property
    def error_share(self) -> float:
        """Return the share of the requests that failed."""
        return self.errors / self.requests


def question(model_path: str, request: str, protocol: str, name: str) -> Question:
    """Return what to ask: the given body, else the model's input example, else for readiness.

    Raises:
        InputError: The body is no JSON object, or the model holds no input example.
    """
    (chosen,) = protocols(protocol, ("v1", "v2"))
    path = Endpoint("http://any", name).path(chosen)
    if request:
        try:
            document = read_json(request)
        except ValueError as error:
            raise _no_body(str(error)) from error
        if not isinstance(document, dict):
            raise _no_body(f"a {type(document).__name__}")
        return Question(path, request.encode())
    if model_path:
        rows = read_example(model_path)
        return Question(path, body_of(rows, read_model(model_path).types, chosen))
    return Question(READY, None)


def _no_body(found: str) -> InputError:
    return InputError(
        f'`request` must be a JSON object, such as {{"instances": [{{"size": 1}}]}}. Found: '
        f"{found[:200]}. Correct it, or leave it empty for the model's input example."
    )


def observe(
    callers: dict[str, Caller], asked: Question, objectives: Objectives
) -> tuple[Health, ...]:
    """Ask each target, evenly over the step's time, and return what came back."""
    start = time.monotonic()
    answers: dict[str, list[tuple[float, str, str]]] = {target: [] for target in callers}
    for number in range(objectives.requests):
        due = start + objectives.seconds * number / objectives.requests
        time.sleep(max(0.0, due - time.monotonic()))
        for target, caller in callers.items():
            answer = caller.ask("GET" if asked.body is None else "POST", asked.path, asked.body)
            said = _said(answer)
            version = answer.version or str(said.get("model_version") or "")
            answers[target].append((answer.seconds * 1000, _fault(answer, said), version))
    time.sleep(max(0.0, start + objectives.seconds - time.monotonic()))
    return tuple(_health(target, found) for target, found in answers.items())


def _said(answer: Answer) -> dict[str, Any]:
    """Return the JSON object that came back; an empty one where it is something else."""
    try:
        found = read_json(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fault(answer: Answer, said: dict[str, Any]) -> str:
    """Return what is wrong with an answer; a fallback's is not the model's."""
    if answer.fault or not 200 <= answer.status < 300:
        return answer.fault or f"HTTP {answer.status}"
    return "fallback" if fallback_of(said) else ""


def _health(target: str, answers: Sequence[tuple[float, str, str]]) -> Health:
    times = [milliseconds for milliseconds, fault, _ in answers if not fault]
    faults = Counter(fault for _, fault, _ in answers if fault)
    versions = Counter(version for _, fault, version in answers if version and not fault)
    return Health(
        target,
        len(answers),
        sum(faults.values()),
        _p95(times),
        tuple(faults.most_common(5)),
        tuple(sorted(versions.items())),
    )


def _p95(times: Sequence[float]) -> float | None:
    """Return the least time that 95 % of the answers kept to, None for no answers."""
    ordered = sorted(times)
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else None


def judge(health: Health, share: int, objectives: Objectives) -> list[Reason]:
    """Return what is wrong with a step."""
    found = []
    subject, most = f"{health.target} at {share} %", f"{objectives.error_share:.2%}"
    if health.error_share > objectives.error_share:
        faults = ", ".join(f"{count} x {fault}" for fault, count in health.faults)
        message = (
            f"{health.errors} of {health.requests} requests to the {health.target} failed at "
            f"{share} % of the traffic: {faults}. At most {most} may."
        )
        seen = f"{health.error_share:.2%}"
        found.append(Reason("errors", subject, seen, f"<= {most}", message))
    if health.p95_ms is not None and health.p95_ms > objectives.p95_ms:
        limit = f"{objectives.p95_ms:g} ms"
        message = (
            f"The {health.target} took {health.p95_ms:.0f} ms at {share} % of the traffic (p95 of "
            f"{health.requests - health.errors} answers). The objective is {limit}."
        )
        found.append(Reason("latency", subject, f"{health.p95_ms:.0f} ms", f"<= {limit}", message))
    return found


def patience_of(objectives: Objectives) -> Patience:
    """Return how long an answer may take: none is asked for twice, for its users would see that."""
    return Patience(objectives.timeout, 0)
