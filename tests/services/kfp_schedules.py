"""Recurring runs in a stand-in for Kubeflow Pipelines, and the controller that starts their runs.

What is due follows KFP's controller: the next time after the last one that was started, or else
after the schedule's start, or else after its creation; one by one, or without catching up the last
of them alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.services.kfp_objects import KFP, RefusedError

GOING = ("PENDING", "RUNNING")


def create(kfp: KFP, body: Any) -> Any:
    """Make a recurring run; KFP lets several have the same name."""
    trigger = body.trigger
    cron = trigger and trigger.cron_schedule
    period = trigger and trigger.periodic_schedule
    if not body.display_name or bool(cron) == bool(period):
        raise RefusedError(400, "InvalidInputError: a name and one trigger are needed")
    if not 1 <= int(body.max_concurrency or 0) <= 10:
        raise RefusedError(400, "The max concurrency of the recurring run is out of range")
    # KFP takes five fields, and reads them without the day of the week.
    if cron and len((cron.cron or "").split()) not in (5, 6):
        raise RefusedError(400, "Schedule cron is not a supported format")
    if period and int(period.interval_second or 0) < 1:
        raise RefusedError(400, "Found invalid period schedule interval")
    experiment = kfp.runnable(body)
    kept = ("display_name", "description", "pipeline_version_reference", "pipeline_spec",
            "runtime_config", "max_concurrency", "trigger", "no_catchup", "experiment_id",
            "service_account")  # fmt: skip
    mode = body.mode or "DISABLE"
    return kfp.add(
        "recurring_runs", kfp.namespaces[experiment.experiment_id],
        **{name: getattr(body, name) for name in kept}, mode=mode, status=f"{mode}D",
        updated_at=kfp.now(),
    )  # fmt: skip


def switch(kfp: KFP, identity: str, mode: str) -> Any:
    """Let a recurring run start runs, or not."""
    made = kfp.get("recurring_runs", identity)
    made.mode, made.status, made.updated_at = mode, f"{mode}D", kfp.now()
    return {}


def delete(kfp: KFP, identity: str, query: dict[str, str]) -> Any:
    """Delete a recurring run; its running workflows go, too, unless they are orphaned."""
    if query.get("propagation_policy") != "ORPHAN":
        for run in kfp.runs:
            if run.recurring_run_id == identity and run.state in GOING:
                run.state = "FAILED"
    return kfp.remove("recurring_runs", identity)


def pass_time(kfp: KFP, until: datetime, state: str = "SUCCEEDED") -> None:
    """Let the controller look every five minutes until then; runs come to `state`."""
    with kfp.lock:
        while kfp.now() < until:
            kfp.clock = min(kfp.now() + timedelta(minutes=5), until)
            for made in list(kfp.recurring):
                _start(kfp, made, state)


def _start(kfp: KFP, made: Any, state: str) -> None:
    while made.mode == "ENABLE" and (due := _due(kfp, made, kfp.now())):
        kfp.triggered[made.recurring_run_id] = due
        kfp.add(
            "runs", kfp.namespaces[made.recurring_run_id],
            display_name=f"{made.display_name} {due.isoformat()}",
            recurring_run_id=made.recurring_run_id, experiment_id=made.experiment_id,
            runtime_config=made.runtime_config, state=state,
            scheduled_at=due if kfp.tells_due else kfp.now() + timedelta(seconds=7),
            pipeline_version_reference=made.pipeline_version_reference,
        )  # fmt: skip


def _due(kfp: KFP, made: Any, now: datetime) -> datetime | None:
    going = [r for r in kfp.runs if r.recurring_run_id == made.recurring_run_id
             and r.state in GOING]  # fmt: skip
    if len(going) >= int(made.max_concurrency):
        return None
    of = made.trigger.cron_schedule or made.trigger.periodic_schedule
    last = kfp.triggered.get(made.recurring_run_id) or of.start_time or made.created_at
    last = max(last, of.start_time or last)
    times = _times(made.trigger, last, min(now, of.end_time or now))
    due = next(times, None)
    if due and made.no_catchup and made.trigger.periodic_schedule and next(times, None):
        return now
    return max((due, *times)) if due and made.no_catchup else due


def _times(trigger: Any, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the times of a trigger after one, until another."""
    if trigger.periodic_schedule:
        period = timedelta(seconds=int(trigger.periodic_schedule.interval_second))
        while (after := after + period) <= until:
            yield after
        return
    second, minute, hour, day, month, weekday = map(_field, trigger.cron_schedule.cron.split())
    at = after.astimezone(UTC).replace(second=0, microsecond=0)
    while at <= until:
        days = (day is None or at.day in day, weekday is None or (at.weekday() + 1) % 7 in weekday)
        # Where both are given, one of them is enough.
        fits = any(days) if day and weekday else all(days)
        if fits and all(f is None or v in f for f, v in (
            (minute, at.minute), (hour, at.hour), (month, at.month)
        )):  # fmt: skip
            for s in sorted(second if second is not None else range(60)):
                if after < (due := at.replace(second=s)) <= until:
                    yield due
        at += timedelta(minutes=1)


def _field(text: str) -> set[int] | None:
    """Return the values of a field of numbers, commas, and steps of all; None for any value."""
    if text in "*?":
        return None
    if text.startswith("*/"):
        return set(range(0, 60, int(text[2:])))
    return {int(part) for part in text.split(",")}
