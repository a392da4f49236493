"""A rollout under way: its plan, its steps, and the way back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.deployment.cluster import Tries
from holdfast.deployment.endpoint import Caller
from holdfast.deployment.inference_service import InferenceService, with_share
from holdfast.deployment.owned import owned
from holdfast.deployment.services import InferenceServices
from holdfast.deployment.shift_traffic.health import (
    Health,
    Objectives,
    Question,
    judge,
    observe,
)
from holdfast.deployment.waiting import Patience, ready_as, wait
from holdfast.errors import HoldfastError, InputError
from holdfast.verdict import Reason

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is to be shifted and how; see the component's arguments."""

    name: str
    steps: tuple[int, ...]
    objectives: Objectives
    asked: Question
    namespace: str = ""
    url: str = ""
    host: str = ""
    patience: Patience = field(default_factory=lambda: Patience(300))
    tries: Tries = field(default_factory=Tries)

    def __post_init__(self) -> None:
        """Refuse steps that do not go up."""
        rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or not rising or not 1 <= self.steps[0] <= self.steps[-1] <= 100:
            raise InputError(
                f"`steps` must be percentages between 1 and 100, each above the last. Found: "
                f"{list(self.steps)}. The usual ones are [1, 5, 10, 25, 50, 100]."
            )


@dataclass(frozen=True)
class Step:
    """A share in percent, when it was reached (seconds since the start), and what came back."""

    share: int
    at: float
    healths: tuple[Health, ...] = ()


@dataclass
class Rollout:
    """A rollout under way."""

    services: InferenceServices
    service: InferenceService
    plan: Plan
    say: Say
    steps: list[Step] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)
    rolled_out: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether there is anything left to shift."""
        self.rolled_out = self.service.rolled_out

    def move(self, share: int, seconds: float) -> list[Reason]:
        """Give the newest revision a share, and wait until KServe says that it has it."""
        body = with_share(owned(self.service), share)
        before, after = self.service, self.services.apply(body)
        patience = Patience(seconds, self.plan.patience.settle, self.plan.patience.pause)
        changed = before.share != share and not before.alone
        outcome = wait(
            self.services, after, ready_as(before, changed, share, patience), patience, self.say
        )
        if outcome.service is None:
            return [
                reason_of("deleted", self.plan.name, "deleted", "Somebody deleted it meanwhile.")
            ]
        self.service = outcome.service
        self.steps.append(Step(share, time.monotonic() - self.start))
        if outcome.reached:
            return []
        message = f"{share} % was not reached within {outcome.seconds:.0f} s: {outcome.lacking}."
        return [reason_of(outcome.code, f"{self.plan.name} at {share} %", outcome.lacking, message)]

    def look(self, callers: dict[str, Caller], revision: str) -> list[Reason]:
        """Ask for as long as a step lasts, and say what is wrong then."""
        step = self.steps[-1]
        healths = observe(callers, self.plan.asked, self.plan.objectives)
        self.steps[-1] = Step(step.share, step.at, healths)
        found = [r for h in healths for r in judge(h, step.share, self.plan.objectives)]
        now = self.services.get(self.plan.name)
        subject = f"{self.plan.name} at {step.share} %"
        if now is None:
            return [reason_of("deleted", subject, "deleted", "Somebody deleted it meanwhile.")]
        self.service = now
        if now.revision != revision:
            message = f"Somebody deployed {now.revision} in the place of {revision} meanwhile."
            return [reason_of("overtaken", subject, now.revision, message)]
        if not now.ready:
            told = "; ".join(now.complaints)
            found.append(reason_of("not_ready", subject, told, f"It is no longer Ready: {told}."))
        return found


def give_back(rollout: Rollout) -> tuple[str, int | None]:
    """Give the traffic back to the earlier revision; return what to say, and the share now."""
    service = rollout.service
    if service.alone:
        return f"There is no earlier revision to go back to: {service.revision} stays.", 100
    if rollout.rolled_out:
        return (
            f"{service.revision} had all of the traffic before this step, and keeps it. To go "
            f"back, deploy the version before.",
            100,
        )
    try:
        reasons = rollout.move(0, min(120.0, rollout.plan.patience.seconds))
    except HoldfastError as error:
        return f"The traffic could not be given back: {error} It stays at its last share.", None
    share = rollout.service.share
    if reasons:
        return f"The traffic was given back, but KServe has not done so yet: {share} %.", share
    others = ", ".join(name for name, part in rollout.service.traffic.items() if part)
    return f"All traffic is given back to {others}.", 0


def reason_of(code: str, subject: str, observed: str, message: str) -> Reason:
    """Return a finding without an expectation of its own."""
    return Reason(code, subject, observed, "", message)
