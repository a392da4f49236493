"""Shift the traffic to the newest revision step by step, and back if it does not stay well."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from holdfast.deployment.cluster import connect
from holdfast.deployment.endpoint import Caller, Endpoint, caller_of
from holdfast.deployment.inference_service import STANDARD, InferenceService
from holdfast.deployment.services import InferenceServices
from holdfast.deployment.shift_traffic.health import (
    CANARY,
    SERVICE,
    Objectives,
    Question,
    patience_of,
    question,
)
from holdfast.deployment.shift_traffic.pages import report
from holdfast.deployment.shift_traffic.rollout import (
    Plan,
    Rollout,
    Say,
    Step,
    give_back,
    reason_of,
)
from holdfast.deployment.waiting import InterruptedStepError, Patience, interruptible
from holdfast.errors import GateError, HoldfastError, InputError
from holdfast.verdict import Reason, Verdict

__all__ = ["Objectives", "Plan", "Shift", "Step", "plan", "question", "shift"]


def plan(
    name: str,
    steps: Sequence[float],
    objectives: Objectives,
    asked: Question,
    where: tuple[str, str, str],
    timeout_seconds: int,
) -> Plan:
    """Return a plan from plain values; `where` are namespace, URL and Host header.

    Raises:
        InputError: One of them can't be.
    """
    if timeout_seconds < 1:
        raise InputError(
            f"`timeout_seconds` must be at least 1. Found: {timeout_seconds}. The usual one is 300."
        )
    # KFP's local runners give a list's whole numbers as floats.
    shares = tuple(int(share) for share in steps)
    return Plan(name, shares, objectives, asked, *where, patience=Patience(float(timeout_seconds)))


@dataclass(frozen=True)
class Shift:
    """What became of it; `share` is what the newest revision has at the end, None if unknown."""

    plan: Plan
    revision: str
    steps: tuple[Step, ...]
    verdict: Verdict
    share: int | None
    told: str

    @property
    def scores(self) -> dict[str, float]:
        """Return finite numbers by name."""
        found = [health for step in self.steps for health in step.healths]
        slowest = [health.p95_ms for health in found if health.p95_ms is not None]
        numbers = {
            "requests": sum(health.requests for health in found),
            "errors": sum(health.errors for health in found),
            "steps": len([step for step in self.steps if step.healths]),
            **({"worst_p95_ms": max(slowest)} if slowest else {}),
            **({} if self.share is None else {"final_share": self.share}),
        }
        return {name: float(value) for name, value in numbers.items()}

    def write(self, verdict: str, html: str, markdown: str) -> dict[str, Any]:
        """Write the verdict and the report; return what the verdict says about itself."""
        self.verdict.write(verdict)
        report(self).write(html, markdown)
        return self.verdict.metadata()


def try_shift(plan: Plan) -> Shift:
    """Tell that the traffic could be shifted, and move none.

    Raises:
        InputError: There is no such InferenceService, or its traffic can't be split.
        MachineError: No cluster is reached, or it does not allow it.
    """
    service = _there(InferenceServices(connect(plan.namespace, plan.tries)), plan)
    told = f"The traffic could be shifted to {service.revision}; this dry run moved none."
    return Shift(plan, service.revision, (), Verdict("pass"), None, told)


def shift(plan: Plan, say: Say = print) -> Shift:
    """Shift the traffic step by step, and back if a step does not keep to the objectives.

    Raises:
        InputError: There is no such InferenceService, or its traffic can't be split.
        MachineError: No cluster is reached, or it does not allow it; the traffic goes back if it
            still can.
        GateError: The step was told to end (SIGTERM); the traffic goes back.
    """
    services = InferenceServices(connect(plan.namespace, plan.tries))
    service = _there(services, plan)
    rollout = Rollout(services, service, plan, say)
    revision = service.revision
    # What is rolled out, as where this step is tried again, is not taken back to the first step.
    steps: Sequence[int] = (100,) if service.alone or rollout.rolled_out else plan.steps
    with interruptible(), _callers(service, plan) as callers:
        try:
            reasons = _run(rollout, callers, steps, revision)
        except InterruptedStepError as error:
            raise GateError(f"{plan.name}: {error}. {give_back(rollout)[0]}") from error
        except HoldfastError as error:
            raise type(error)(f"{error} {give_back(rollout)[0]}") from error
        return _ended(rollout, revision, reasons, steps)


def _there(services: InferenceServices, plan: Plan) -> InferenceService:
    service = services.get(plan.name)
    where = services.cluster.namespace
    if service is None:
        raise InputError(
            f"`name` must be an InferenceService in namespace {where!r}. Found: no {plan.name!r}. "
            f"Deploy the model first, or name its namespace."
        )
    if service.knative is False:
        raise InputError(
            f"`name` must be an InferenceService in KServe's Knative mode. Found: {plan.name!r} "
            f"in {STANDARD[0]} (raw) mode, where KServe ignores canaryTrafficPercent: the newest "
            f"version has all of the traffic. Leave this step out, or deploy in Knative mode."
        )
    if not service.ready or not service.revision:
        found = "; ".join(service.complaints) or "no revision"
        raise InputError(
            f"`name` must be an InferenceService that is Ready. Found: {plan.name!r} with {found}. "
            f"Look at the verdict of deploy_model."
        )
    return service


@contextmanager
def _callers(service: InferenceService, plan: Plan) -> Iterator[dict[str, Caller]]:
    """Yield what asks the service and, where the newest revision has an address, the canary."""
    targets = {SERVICE: (plan.url or service.url, plan.host)}
    # An address of the user's own is no reason to believe that the canary's is reached, too.
    if service.canary_url and not plan.url:
        targets[CANARY] = (service.canary_url, "")
    with ExitStack() as stack:
        yield {
            target: stack.enter_context(
                caller_of(Endpoint(url, plan.name, host), patience_of(plan.objectives))
            )
            for target, (url, host) in targets.items()
        }


def _run(
    rollout: Rollout, callers: dict[str, Caller], steps: Sequence[int], revision: str
) -> list[Reason]:
    """Take the steps until one is not well; return why."""
    for share in steps:
        reasons = rollout.move(share, rollout.plan.patience.seconds)
        if not reasons:
            rollout.say(f"{rollout.plan.name}: {revision} has {share} % of the traffic")
            reasons = rollout.look(callers, revision)
        if reasons:
            return reasons
    return []


def _ended(rollout: Rollout, revision: str, reasons: list[Reason], steps: Sequence[int]) -> Shift:
    plan = rollout.plan
    if not reasons:
        told = f"{revision} has {steps[-1]} % of the traffic, and kept to the objectives."
        if rollout.service.alone:
            told = f"{revision} is the first: there was no traffic to shift. It is well."
        return Shift(plan, revision, tuple(rollout.steps), Verdict("pass"), steps[-1], told)
    codes = {reason.code for reason in reasons}
    if codes & {"deleted", "overtaken"}:
        # What somebody else does now is not ours to undo.
        told, share = "The traffic is left as somebody else has set it.", None
    else:
        told, share = give_back(rollout)
        rollout.say(told)
        reasons.append(reason_of("back", plan.name, f"{share} %", told))
    verdict = Verdict("fail", tuple(reasons))
    return Shift(plan, revision, tuple(rollout.steps), verdict, share, told)
