"""Bring one schedule to what it is to be, without losing or doubling what is due.

KFP cannot change a recurring run, so a changed one is replaced:

1. The new one is made, disabled: what KFP refuses is refused while the old one still runs.
2. The old one is disabled.
3. After a moment its last run is looked up. KFP counts from a schedule's start, so the new one
   starts at the time for which the old one last ran. If that is later than when step 1 looked, the
   new one is made again.
4. The new one is enabled, and KFP at once starts what fell due in between.
5. The old one is deleted; its runs stay.

A call that is cut off leaves at most one of the two enabled, and the next call goes on from there.
Both are disabled only between 2 and 4; what falls due then is made up for (without `catchup`, the
last of it).

This remains possible:

- A run that KFP's controller starts more than two seconds (`Patience.settle`) after the old one was
  disabled is started by the new one, too.
- Runs of the old one that still go do not count towards the new one's `max_concurrency`.
- Where the times change (another cron or period) the new one counts from its own creation: what
  the old one had due but had not started is left.
- Where somebody deleted the runs of a schedule by cron, nothing says when it last ran, and the new
  one counts from its own creation. For a period the times are known without them.
- A KFP that tells for a run when it was made, and not for when it was due, cannot tell what a
  schedule by cron that is behind has still to make up for: the new one leaves that. For a period
  the due time is known.
- Deletion asks that running workflows are spared (`propagation_policy`). A KFP that does not know
  this may end them: there, replace a schedule while none of its runs go.
"""

from datetime import UTC, datetime
from typing import Any

from holdfast.kubeflow.api import Access
from holdfast.kubeflow.lookup import ensure_experiment
from holdfast.submit.pipelines import Uploaded
from holdfast.submit.schedules import (
    Recurring,
    Schedule,
    cadence,
    grid,
    is_enabled,
    mark_of,
    start_of,
)

# Seconds by which KFP's controller may be late.
LATE = 300


def mine(schedule: Schedule, recurring: list[Any]) -> list[Any]:
    """Return what of the recurring runs is this schedule: its name to the letter, and its owner."""
    return [
        made
        for made in recurring
        if made.display_name == schedule.name and mark_of(made)[1] == schedule.owner
    ]


def bring_about(kfp: Access, schedule: Schedule, uploaded: Uploaded) -> Any:
    """Return the one recurring run that KFP holds for the schedule when this is done.

    Raises:
        InputError: KFP refuses it.
        MachineError: KFP does not answer; a second call goes on.
    """
    recurring = Recurring.at(kfp)
    same, others = _split(schedule, recurring)
    if not same:
        experiment = ensure_experiment(kfp, schedule.experiment)
        made = recurring.create(
            schedule.body(uploaded, experiment, _since(recurring, schedule, others))
        )
        if not others:
            recurring.wait()
        # Two at once: both see both by now, and keep the same one. So does a lost answer.
        same = _split(schedule, recurring)[0] or [made]
    keeper = same[0]
    running = [made for made in others if is_enabled(made)]
    for made in running:
        recurring.enable(made, False)
    if others and not is_enabled(keeper):
        if running:
            recurring.wait()
        last = _later(recurring, keeper, others)
        if last:
            keeper = recurring.create(schedule.body(uploaded, keeper.experiment_id, last))
    if is_enabled(keeper) != schedule.enabled:
        recurring.enable(keeper, schedule.enabled)
    gone = [*others, *same]
    recurring.delete(m for m in gone if m.recurring_run_id != keeper.recurring_run_id)
    return keeper


def _split(schedule: Schedule, recurring: Recurring) -> tuple[list[Any], list[Any]]:
    """Return those that are as asked for, the one to keep first, and the others of the schedule."""
    there = mine(schedule, recurring.all(schedule.name))
    same = [made for made in there if mark_of(made)[0] == schedule.digest]
    others = [made for made in there if mark_of(made)[0] != schedule.digest]
    # The one that runs; else the one that begins last, for which there was a reason.
    same.sort(key=lambda made: (is_enabled(made), start_of(made)), reverse=True)
    return same, others


def _since(recurring: Recurring, schedule: Schedule, others: list[Any]) -> datetime | None:
    """Return the time for which the old ones last ran, if the new one goes on in their times."""
    wanted = (schedule.trigger.cron, schedule.trigger.seconds)
    # One that is disabled was paused, and has nothing due; several were left by a call that was
    # cut off, which had disabled one and not yet enabled the other.
    paused = len(others) == 1 and not is_enabled(others[0])
    going = [] if paused else [made for made in others if cadence(made) == wanted]
    times = [time for time in (_last(recurring, made) for made in going) if time]
    if not times and others and schedule.trigger.start:
        # KFP would make up for all since the start, which the old one did in its time.
        times = [datetime.now(UTC)]
    return max(times, default=None)


def _later(recurring: Recurring, keeper: Any, others: list[Any]) -> datetime | None:
    """Return the time for which the old ones last ran, if the new one would run for it again."""
    same_times = [made for made in others if cadence(made) == cadence(keeper)]
    last = max((t for t in (_ran(recurring, m) for m in same_times) if t), default=None)
    own = _ran(recurring, keeper) or start_of(keeper)
    return last if last and last > own else None


def _last(recurring: Recurring, made: Any) -> datetime | None:
    """Return the time for which one last ran, or by now should have run."""
    ran, period = _ran(recurring, made), cadence(made)[1]
    if ran:
        return ran
    if not is_enabled(made):
        return start_of(made)
    return grid(start_of(made), period) if period else None


def _ran(recurring: Recurring, made: Any) -> datetime | None:
    """Return the time for which one last ran; None if no run of it is left."""
    last, period = recurring.last_due(made), cadence(made)[1]
    if last is None or not period:
        return last
    # KFP may tell when the run was made, which is later. Without catching up it leaves the grid
    # when it was late by more than a period.
    due = grid(start_of(made), period, last)
    late = (last - due).total_seconds() >= min(LATE, period / 2)
    return last if made.no_catchup and late else due
