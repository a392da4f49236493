"""Follow a run of KFP step by step."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.kubeflow.api import Access
from holdfast.kubeflow.runs import ENDED


@dataclass(frozen=True)
class Step:
    """A step of a run as it is now; `number` counts from 1 in the order of their appearance."""

    number: int
    name: str
    state: str
    seconds: float
    error: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON data."""
        kept = {"name": self.name, "status": self.state, "seconds": self.seconds}
        return kept | ({"error": self.error} if self.error else {})


def names(pipeline: Mapping[str, Any]) -> list[str]:
    """Return the names of all steps of a compiled pipeline that run a container."""
    components = pipeline.get("components", {})

    def inside(body: Mapping[str, Any]) -> Iterator[str]:
        for key, task in body.get("dag", {}).get("tasks", {}).items():
            component = components.get(task.get("componentRef", {}).get("name", ""), {})
            if "executorLabel" in component:
                yield str(task.get("taskInfo", {}).get("name") or key)
            else:
                yield from inside(component)

    return list(inside(pipeline.get("root", {})))


def follow(
    kfp: Access,
    run_id: str,
    known: list[str],
    observe: Callable[[Step], None],
) -> tuple[Any, list[Step]]:
    """Return the run when it has ended, with its steps; tell `observe` of each change before.

    Raises:
        MachineError: KFP does not answer any more; the run goes on.
    """
    from kfp_server_api import RunServiceApi

    runs = RunServiceApi(kfp.client())
    steps: dict[str, Step] = {}
    while True:
        run = kfp.call(runs.run_service_get_run, run_id)
        for task in _tasks(run, known):
            before = steps.get(task.task_id)
            number = before.number if before else len(steps) + 1
            step = steps[task.task_id] = _step(task, number)
            if before is None or before.state != step.state:
                observe(step)
        if str(run.state) in ENDED:
            return run, list(steps.values())
        time.sleep(kfp.patience.poll)


def _tasks(run: Any, known: list[str]) -> list[Any]:
    """Return what KFP tells of the steps: not of drivers, executors and groups, nor what waits."""
    details = (run.run_details and run.run_details.task_details) or []
    mine = [
        t for t in details if t.display_name in known and str(t.state) not in ("None", "PENDING")
    ]
    return sorted(mine, key=lambda t: (t.start_time or t.create_time or _never(), t.task_id))


def _step(task: Any, number: int) -> Step:
    start = task.start_time or task.create_time
    end = task.end_time if str(task.state) in ENDED else datetime.now(UTC)
    # A step that has not ended has a time of the year 1 or 1970 in some of KFP's answers.
    length = (end - start).total_seconds() if start and end and end > start else 0.0
    error = " ".join(str((task.error and task.error.message) or "").split())[:300]
    return Step(number, task.display_name, str(task.state), round(length, 1), error)


def _never() -> datetime:
    return datetime.max.replace(tzinfo=UTC)
