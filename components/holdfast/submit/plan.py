"""What has to be done so that KFP holds the schedules that are wanted, and doing it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.errors import HoldfastError, InputError
from holdfast.kubeflow.api import Access
from holdfast.submit import pipelines
from holdfast.submit.replace import bring_about, mine
from holdfast.submit.schedules import (
    Recurring,
    Schedule,
    cadence,
    is_enabled,
    mark_of,
    start_of,
)

Kind = Literal["create", "update", "enable", "disable", "delete", "unchanged", "kept"]


@dataclass(frozen=True)
class Change:
    """What is to be done to one schedule.

    Attributes:
        kind: What; `kept` is one that is wanted no more and is not deleted unasked.
        name: The schedule's name.
        why: What is different, for people.
        schedule: What it is to be; None for one that is to go.
        there: KFP's recurring runs that are this schedule now.
    """

    kind: Kind
    name: str
    why: str = ""
    schedule: Schedule | None = None
    there: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind:9}  {self.name}" + (f"  ({self.why})" if self.why else "")

    def document(self) -> dict[str, Any]:
        """Return it as JSON data."""
        identity = self.there[0].recurring_run_id if self.there else ""
        return {"change": self.kind, "name": self.name, "why": self.why, "id": identity}

    @property
    def is_work(self) -> bool:
        """Whether anything is to be done."""
        return self.kind not in ("unchanged", "kept")


def plan(schedules: list[Schedule], there: list[Any], owner: str, prune: bool) -> list[Change]:
    """Return what is to be done, in order: what is wanted, then what is wanted no more.

    Args:
        schedules: The schedules that are wanted.
        there: All recurring runs that KFP holds in the namespace.
        owner: Whose schedules these are; `prune` deletes no others.
        prune: Delete those of the owner that are not wanted.

    Raises:
        InputError: A wanted name is somebody else's in KFP.
    """
    changes = [_wanted(schedule, there) for schedule in schedules]
    names = {schedule.name for schedule in schedules}
    gone: dict[str, list[Any]] = {}
    for made in there:
        if mark_of(made)[1] == owner and made.display_name not in names:
            gone.setdefault(made.display_name, []).append(made)
    kind: Kind = "delete" if prune else "kept"
    why = "no more in the file" if prune else "no more in the file; --prune deletes it"
    return changes + [Change(kind, name, why, None, tuple(g)) for name, g in gone.items()]


def _wanted(schedule: Schedule, there: list[Any]) -> Change:
    same_name = [m for m in there if (m.display_name or "").casefold() == schedule.name.casefold()]
    ours = mine(schedule, same_name)
    others = [
        m for m in same_name if m.display_name != schedule.name or mark_of(m)[1] != schedule.owner
    ]
    if others:
        whose = mark_of(others[0])[1]
        raise InputError(
            f"`name` must be one that nobody else uses in KFP. Found: {schedule.name!r}, which is "
            f"{f'owned by {whose!r}' if whose else 'not made by holdfast'}. Choose another name, "
            f"or delete that one in KFP."
        )
    same = [made for made in ours if mark_of(made)[0] == schedule.digest]
    if not ours:
        return Change("create", schedule.name, str(schedule.trigger), schedule)
    if not same:
        return Change(
            "update", schedule.name, _difference(schedule, ours[-1]), schedule, tuple(ours)
        )
    if len(ours) > 1:
        return Change("update", schedule.name, "a call before was cut off", schedule, tuple(ours))
    if is_enabled(same[0]) != schedule.enabled:
        kind: Kind = "enable" if schedule.enabled else "disable"
        return Change(kind, schedule.name, "", schedule, tuple(ours))
    return Change("unchanged", schedule.name, "", schedule, tuple(ours))


def _difference(schedule: Schedule, made: Any) -> str:
    """Return what differs, as far as KFP tells."""
    given = (made.runtime_config and made.runtime_config.parameters) or {}
    different = {
        name: given.get(name, "default") for name in sorted({*given, *schedule.parameters})
        if given.get(name) != schedule.parameters.get(name)
    }  # fmt: skip
    found = [f"parameters {', '.join(different)}"] if different else []
    if cadence(made) != (schedule.trigger.cron, schedule.trigger.seconds):
        found.append("times")
    elif schedule.trigger.start and start_of(made) < schedule.trigger.start:
        found.append("start")
    if int(made.max_concurrency or 1) != schedule.max_concurrency:
        found.append("max_concurrency")
    if bool(made.no_catchup) == schedule.catchup:
        found.append("catchup")
    # What is not told by KFP: the YAML, the experiment, the end.
    return ", ".join(found) or "the pipeline or its experiment"


def apply(kfp: Access, changes: list[Change], observe: Callable[[Change], None]) -> list[str]:
    """Do what is planned; return the ids of the recurring runs that are there then.

    All pipelines are uploaded before any schedule is touched.

    Raises:
        HoldfastError: KFP refused one, or is away. What was done before stays, and a second call
            finishes.
    """
    work = [change for change in changes if change.is_work]
    schedules = [change.schedule for change in work if change.schedule]
    uploads = {schedule.upload.digest: schedule.upload for schedule in schedules}
    uploaded = {key: pipelines.ensure(kfp, upload) for key, upload in uploads.items()}
    recurring = Recurring.at(kfp)
    found = [m.recurring_run_id for c in changes if not c.is_work for m in c.there]
    for number, change in enumerate(work):
        try:
            if change.schedule:
                made = bring_about(kfp, change.schedule, uploaded[change.schedule.upload.digest])
                found.append(made.recurring_run_id)
            else:
                recurring.delete(change.there)
        except HoldfastError as error:
            raise type(error)(
                f"{change.kind} {change.name}: {error} {number} of {len(work)} changes are done; "
                f"call it again to do the rest."
            ) from error
        observe(change)
    return found
