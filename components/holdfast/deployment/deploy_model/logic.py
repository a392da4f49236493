"""Serve a registered model by KServe, and go back if it does not get Ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.deployment.cluster import connect
from holdfast.deployment.deploy_model.back import Options, go_back, options, try_back
from holdfast.deployment.deploy_model.manifest import REQUESTS, Pods, Request, manifest
from holdfast.deployment.deploy_model.pages import ABSENT, Change, changes, report
from holdfast.deployment.deploy_model.storage import Source, find
from holdfast.deployment.inference_service import KNATIVE, MODE, STANDARD, InferenceService
from holdfast.deployment.services import InferenceServices
from holdfast.deployment.waiting import (
    InterruptedStepError,
    Lacking,
    Outcome,
    interruptible,
    ready_as,
    wait,
)
from holdfast.errors import GateError, HoldfastError, InputError
from holdfast.verdict import Reason, Verdict

SHARE = "spec.predictor.canaryTrafficPercent"
__all__ = ["REQUESTS", "Deployment", "Options", "Pods", "Request", "deploy", "find", "options"]


@dataclass(frozen=True)
class Deployment:
    """What became of it.

    `action` is created, updated, unchanged, rolled back, deleted (what was newly made and failed),
    or that a dry run would have been.
    """

    source: Source
    namespace: str
    action: str
    changes: tuple[Change, ...]
    service: InferenceService | None
    verdict: Verdict
    body: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Return where it answers; empty if it does not."""
        return self.service.url if self.service else ""

    @property
    def canary_url(self) -> str:
        """Return where the newest revision alone answers; without Knative, where all do."""
        return (self.service.canary_url or self.url) if self.service else ""

    @property
    def revision(self) -> str:
        """Return the newest revision; empty without Knative."""
        return self.service.revision if self.service else ""

    def write(self, verdict: str, markdown: str) -> dict[str, Any]:
        """Write the verdict and the report; return what the verdict says about itself."""
        self.verdict.write(verdict)
        report(self).write_markdown(markdown)
        return self.verdict.metadata()


def deploy(
    request: Request, source: Source, options: Options, say: Callable[[str], None] = print
) -> Deployment:
    """Apply an InferenceService, wait until it is Ready, and go back if it does not get so.

    Raises:
        InputError: The API server refuses it: somebody else manages a field, or a value is bad.
        MachineError: No cluster is reached, or it does not allow it, or it has no KServe; what the
            step had changed is taken back if that is still possible.
        GateError: The step was told to end; what it had changed is taken back.
    """
    services = InferenceServices(connect(options.namespace, options.tries))
    before = services.get(request.name)
    _check_split(before, request)
    parts = [
        replace(request, canary_traffic_percent=share)
        for share in _shares(services, before, request, source, options, say)
    ]
    if options.dry_run:
        return _applied(services, before, parts[-1], source, options)[0]
    with interruptible():
        applied: list[Deployment] = []
        last = before
        try:
            for part in parts:
                told, after = _applied(services, before, part, source, options)
                applied.append(told)
                say(f"{request.name} in {told.namespace}: {told.action}; waiting for Ready")
                lacking = _lacking(last, bool(told.changes), part, options)
                outcome = wait(services, after, lacking, options.patience, say)
                last = outcome.service
                if not outcome.reached:
                    break
        except InterruptedStepError as error:
            back = try_back(services, before, request.name, options, say)
            raise GateError(f"{request.name} is not deployed: {error}. {back}") from error
        except HoldfastError as error:
            # What was refused has changed nothing.
            if not applied or applied[-1].action == "unchanged":
                raise
            back = try_back(services, before, request.name, options, say)
            raise type(error)(f"{error} {back}") from error
        return _judged(applied[-1], outcome, services, before, options, say)


def _shares(
    services: InferenceServices,
    before: InferenceService | None,
    request: Request,
    source: Source,
    options: Options,
    say: Callable[[str], None],
) -> tuple[int, ...]:
    """Return the shares to give one after the other.

    What is rolled out keeps all of its traffic: to take it away is the way back, and not a way to
    deploy it. Until a new revision is ready, Knative gives its share to the newest one that is: to
    a canary, that may be on its way back just because it is bad. Then the new one gets ready
    without traffic.
    """
    wanted = request.canary_traffic_percent
    if before is None or before.share is None:
        return (wanted,)
    body = manifest(request, source)
    planned = services.apply(body, options.force, dry_run=True)
    found = changes(body, before, planned)
    fields = {change.field for change in found}
    # Another share than all may be set already, and KServe not have come to it yet.
    if before.rolled_out and fields == {SHARE} and found[0].before in (ABSENT, "100"):
        say(f"{request.name} is rolled out like this already: it keeps all of the traffic")
        return (100,)
    on_its_way = not before.alone and before.share != 100
    return (0, wanted) if on_its_way and wanted and fields - {SHARE} else (wanted,)


def _lacking(
    before: InferenceService | None, changed: bool, request: Request, options: Options
) -> Lacking:
    """Return what says how far a state is from Ready with the share that was asked for.

    The mode of a new service is the cluster's to choose: where it is one without shares, what was
    made is taken back at once.
    """
    ready = ready_as(before, changed, request.canary_traffic_percent, options.patience)

    def lacking(state: InferenceService) -> str:
        _check_split(state, request)
        return ready(state)

    return lacking


def _applied(
    services: InferenceServices,
    before: InferenceService | None,
    request: Request,
    source: Source,
    options: Options,
) -> tuple[Deployment, InferenceService]:
    body = manifest(request, source)
    after = services.apply(body, options.force, options.dry_run)
    found = changes(body, before, after)
    action = "created" if before is None else "updated" if found else "unchanged"
    where = services.cluster.namespace
    return Deployment(source, where, action, found, after, Verdict("pass"), body), after


def _check_split(service: InferenceService | None, request: Request) -> None:
    """Refuse a share where KServe would silently ignore it, and give all to the new version."""
    without = request.standard if service is None else service.knative is False
    if not without or request.canary_traffic_percent == 100:
        return
    raise InputError(
        f"`canary_traffic_percent` below 100 needs KServe's Knative mode. Found: "
        f"{request.canary_traffic_percent} for {request.name!r} in {STANDARD[0]} (raw) mode, where "
        f"KServe ignores it and gives the new version all of the traffic. Pass 100, which replaces "
        f"the pods step by step, or serve it under another name with {MODE}: {KNATIVE[0]} among "
        f"the `annotations`."
    )


def _judged(
    told: Deployment,
    outcome: Outcome,
    services: InferenceServices,
    before: InferenceService | None,
    options: Options,
    say: Callable[[str], None],
) -> Deployment:
    """Return what became of it, after the way back where it is needed."""
    if outcome.reached:
        say(f"{told.body['metadata']['name']} is Ready after {outcome.seconds:.0f} s")
        return replace(told, service=outcome.service)
    service = outcome.service or told.service
    reasons = [_reason(told, outcome)]
    if outcome.code == "deleted" or service is None:
        # Somebody does not want it: it is not ours to make again.
        return replace(told, service=None, verdict=Verdict("fail", tuple(reasons)))
    if told.action == "unchanged":
        # Such as what an earlier try of this step applied before its pod was lost.
        message = f"{service.name} was like this before the step, which changed nothing: it stays."
        reasons.append(Reason("unchanged", service.name, "", "", message))
        return replace(told, service=service, verdict=Verdict("fail", tuple(reasons)))
    action, message, left = go_back(services, before, service, options, say)
    reasons.append(Reason(action.replace(" ", "_"), service.name, "", "", message))
    return replace(told, action=action, service=left, verdict=Verdict("fail", tuple(reasons)))


def _reason(told: Deployment, outcome: Outcome) -> Reason:
    name = told.body["metadata"]["name"]
    if outcome.code == "deleted":
        message = f"{name} was deleted by somebody else while this step waited for it."
        return Reason("deleted", name, "deleted", "Ready", message)
    message = (
        f"{name} did not get Ready within {outcome.seconds:.0f} s: {outcome.lacking}. Look at its "
        f"pods in namespace {told.namespace}: kubectl describe pods -l "
        f"serving.kserve.io/inferenceservice={name}."
    )
    return Reason(outcome.code, name, outcome.lacking, "Ready", message)
