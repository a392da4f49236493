"""Start a run of an uploaded pipeline, once for a window."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import GateError, InputError
from holdfast.kubeflow.api import Access
from holdfast.kubeflow.lookup import ensure_experiment, equals, find_pipeline
from holdfast.kubeflow.parameters import checked, whole
from holdfast.kubeflow.runs import ENDED, NAME_LETTERS, age, earlier, start
from holdfast.report import Paragraph, Report, Rows

UNDONE = ("FAILED", "CANCELED", "CANCELING")


@dataclass(frozen=True)
class TriggerRequest:
    """What is to run; see the component's arguments."""

    pipeline: str
    window: str
    purpose: str = ""
    version: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = "Default"
    rerun_failed: bool = False

    @property
    def display_name(self) -> str:
        """What the run is called: KFP can be asked for runs by this alone."""
        return " ".join(part for part in (self.pipeline, self.purpose, self.window) if part)

    @property
    def mark(self) -> str:
        """What tells the run from one that a person gave the same name."""
        parts = "\0".join((self.pipeline, self.purpose, self.window))
        return f"holdfast-key: {hashlib.sha256(parts.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Run:
    """A run, and whether it was started now."""

    run_id: str
    started: bool
    state: str
    url: str
    page: Report


def trigger(request: TriggerRequest, kfp: Access, ui: str = "") -> Run:
    """Start the run, or find the one that was started before for the same window.

    Of two steps at once the later one's run is terminated, and the earlier stays.

    Raises:
        InputError: The pipeline, its version or a parameter is not there, or KFP refuses it.
        MachineError: KFP does not answer.
    """
    from kfp_server_api import RunServiceApi

    _check(request)
    runs = RunServiceApi(kfp.client())
    found = _found(request, kfp, runs)
    told = ""
    started = found is None
    if found is None:
        found, told = _start(request, kfp, runs)
        started = not told
    elif _parameters(found) != {k: whole(v) for k, v in request.parameters.items()}:
        told = "It was started with other parameters; they stay as they were."
    url = f"{(ui or kfp.endpoint).rstrip('/')}/#/runs/details/{found.run_id}"
    state = str(found.state or "PENDING")
    return Run(found.run_id, started, state, url, _page(request, found, started, state, url, told))


def _check(request: TriggerRequest) -> None:
    for name in ("pipeline", "window"):
        if not getattr(request, name).strip():
            raise InputError(
                f"`{name}` must not be empty. Found: nothing. A window is best named by its start, "
                f"such as 2026-11-21."
            )
    if not re.fullmatch(rf"[\x20-\x7e]{{1,{NAME_LETTERS}}}", request.display_name):
        raise InputError(
            f"`pipeline`, `purpose` and `window` must be up to {NAME_LETTERS} plain characters "
            f"together: they name the run. Found: {request.display_name[:150]!r}. Shorten them."
        )


def _found(request: TriggerRequest, kfp: Access, runs: Any) -> Any:
    """Return the run that the window has, None if it has none.

    Of several it is the oldest that is not cancelled: the others lost a race.
    """
    named = {"namespace": kfp.namespace} if kfp.namespace else {}
    equal = equals("display_name", request.display_name)
    listed = kfp.pages(runs.run_service_list_runs, "runs", filter=equal, **named)
    # Databases compare names without case, and a person may have given the same one.
    mine = [run for run in listed if request.mark in (run.description or "")]
    if request.rerun_failed:
        mine = [run for run in mine if str(run.state) not in UNDONE]
    going = [run for run in mine if str(run.state) not in ("CANCELED", "CANCELING")]
    return min(going or mine, key=age, default=None)


def _start(request: TriggerRequest, kfp: Access, runs: Any) -> tuple[Any, str]:
    """Start a run; return the run that stays, and what to say if that is another one."""
    from kfp_server_api import (
        V2beta1PipelineVersionReference,
        V2beta1Run,
        V2beta1RuntimeConfig,
    )

    pipeline, version = find_pipeline(kfp, request.pipeline, request.version)
    body = V2beta1Run(
        display_name=request.display_name,
        description=f"Started once for window {request.window} by trigger_run. {request.mark}",
        experiment_id=ensure_experiment(kfp, request.experiment),
        pipeline_version_reference=V2beta1PipelineVersionReference(
            pipeline_id=pipeline.pipeline_id, pipeline_version_id=version.pipeline_version_id
        ),
        runtime_config=V2beta1RuntimeConfig(
            parameters=checked(version.pipeline_spec or {}, request.parameters)
        ),
    )

    def find() -> Any:
        return _found(request, kfp, runs)

    made = start(kfp, runs, body, find)
    first = earlier(kfp, runs, made, find)
    if first.run_id == made.run_id:
        return made, ""
    return first, f"Another step started it at the same moment; {made.run_id} was terminated."


def follow(run: Run, kfp: Access, minutes: float, poll: float = 15.0) -> str:
    """Wait for a run to end, and return its state; do not wait for 0 minutes.

    Raises:
        GateError: It did not succeed, or did not end in time.
    """
    from kfp_server_api import RunServiceApi

    if minutes <= 0:
        return run.state
    runs = RunServiceApi(kfp.client())
    end = time.monotonic() + 60 * minutes
    while True:
        state = str(kfp.call(runs.run_service_get_run, run.run_id).state)
        if state in ENDED or time.monotonic() >= end:
            break
        time.sleep(poll)
    if state not in ("SUCCEEDED", "SKIPPED"):
        late = "" if state in ENDED else f" after {minutes:g} minutes"
        raise GateError(f"The run must succeed. Found: it is {state}{late}. See {run.url}")
    return state


def _parameters(run: Any) -> dict[str, Any]:
    config = run.runtime_config
    return {k: whole(v) for k, v in ((config and config.parameters) or {}).items()}


def _page(
    request: TriggerRequest, run: Any, started: bool, state: str, url: str, told: str
) -> Report:
    facts = {
        "pipeline": request.pipeline,
        "version": request.version or "the newest",
        "window": request.window,
        "run": run.run_id,
        "started now": "yes" if started else "no, it was there",
        "state": state,
        "address": url,
    }
    parameters = tuple((name, str(value)) for name, value in sorted(_parameters(run).items()))
    title = f"{'Started' if started else 'Found'}: {request.display_name}"
    return Report(
        title,
        "",
        (
            *((Paragraph(told),) if told else ()),
            Rows("Run", ("what", "value"), tuple(facts.items())),
            Rows("Parameters", ("name", "value"), parameters),
        ),
    )
