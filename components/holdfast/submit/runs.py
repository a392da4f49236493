"""Start a run of an uploaded pipeline, once for the same pipeline, parameters and experiment."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import InputError
from holdfast.kubeflow.api import Access
from holdfast.kubeflow.lookup import ensure_experiment
from holdfast.kubeflow.runs import NAME_LETTERS, age, earlier, start
from holdfast.submit.pipelines import Upload, Uploaded


@dataclass(frozen=True)
class RunRequest:
    """What is to run.

    Attributes:
        upload: The pipeline.
        parameters: Values by name, of the pipeline's types.
        experiment: The experiment's name.
        name: The run's name; empty for one made of the pipeline and a part of the key.
        again: Start it even if the same was started before.
    """

    upload: Upload
    parameters: Mapping[str, Any]
    experiment: str = "Default"
    name: str = ""
    again: bool = False

    @property
    def key(self) -> str:
        """What is the same for the same pipeline, parameters and experiment."""
        parts = [self.upload.name, self.upload.digest, self.parameters, self.experiment]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def display_name(self) -> str:
        """What the run is called."""
        return self.name or f"{self.upload.name} {self.key[:8]}"

    @property
    def mark(self) -> str:
        """What the run's description carries."""
        return f"holdfast-key: {self.key}"

    def check(self) -> None:
        """Refuse names that KFP would not take.

        Raises:
            InputError: One is empty, too long, or not plain.
        """
        for name, value in (("--name", self.display_name), ("--experiment", self.experiment)):
            if not re.fullmatch(rf"[\x21-\x7e][\x20-\x7e]{{0,{NAME_LETTERS - 1}}}", value):
                raise InputError(
                    f"{name} must be 1 to {NAME_LETTERS} plain characters. Found: {value[:150]!r}."
                )

    def body(self, uploaded: Uploaded | None = None, experiment_id: str = "") -> Any:
        """Return what KFP is sent; without ids before there are any."""
        from kfp_server_api import V2beta1PipelineVersionReference, V2beta1Run, V2beta1RuntimeConfig

        reference = uploaded and V2beta1PipelineVersionReference(
            pipeline_id=uploaded.pipeline_id, pipeline_version_id=uploaded.version_id
        )
        return V2beta1Run(
            display_name=self.display_name,
            description=f"Submitted by holdfast. {self.mark}",
            experiment_id=experiment_id or None,
            pipeline_version_reference=reference or None,
            runtime_config=V2beta1RuntimeConfig(parameters=dict(self.parameters)),
        )


def submit(kfp: Access, request: RunRequest, uploaded: Uploaded) -> tuple[Any, bool]:
    """Return KFP's run, and whether it was started now.

    KFP knows no lock. Of two that start the same at once the later terminates its run, seconds
    after it began, and takes the earlier.

    Raises:
        InputError: KFP refuses it.
        MachineError: KFP does not answer.
    """
    from kfp_server_api import RunServiceApi

    runs = RunServiceApi(kfp.client())
    experiment = ensure_experiment(kfp, request.experiment)
    before = _found(kfp, runs, request, experiment)
    if before and not request.again:
        return before[0], False
    known = {run.run_id for run in before}

    def new() -> Any:
        found = _found(kfp, runs, request, experiment)
        return next((run for run in found if run.run_id not in known), None)

    made = start(kfp, runs, request.body(uploaded, experiment), new)
    first = made if request.again else earlier(kfp, runs, made, new)
    return first, first.run_id == made.run_id


def _found(kfp: Access, runs: Any, request: RunRequest, experiment: str) -> list[Any]:
    """Return the runs of the same, the one to take first.

    That is the oldest that is neither cancelled nor failed: the others lost a race, or were what
    another was started `again` for.
    """
    predicate = {"key": "description", "operation": "IS_SUBSTRING", "stringValue": request.mark}
    listed = kfp.pages(
        runs.run_service_list_runs,
        "runs",
        experiment_id=experiment,
        filter=json.dumps({"predicates": [predicate]}),
    )
    mine = [run for run in listed if request.mark in (run.description or "")]
    worst = ("FAILED", "CANCELING", "CANCELED")
    rank = {state: number for number, state in enumerate(worst, 1)}
    return sorted(mine, key=lambda run: (rank.get(str(run.state), 0), *age(run)))


def address(kfp: Access, ui: str, what: str, identity: str) -> str:
    """Return the page of a run (`runs`) or of a schedule (`recurringrun`)."""
    return f"{(ui or kfp.endpoint).rstrip('/')}/#/{what}/details/{identity}"
