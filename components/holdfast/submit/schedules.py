"""What is to run when, and what of it KFP holds: recurring runs that carry a mark."""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.errors import InputError
from holdfast.kubeflow.api import Access, NotFoundError
from holdfast.kubeflow.lookup import equals
from holdfast.kubeflow.runs import NAME_LETTERS, age
from holdfast.submit.pipelines import Upload, Uploaded
from holdfast.submit.triggers import Trigger

# Owner of what is scheduled on the command line.
COMMAND_LINE = "command-line"
MARK = re.compile(r"holdfast-schedule: ([0-9a-f]{32}) owner: ([A-Za-z0-9._-]+)")
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# KFP's own bounds.
MOST_AT_ONCE = 10


@dataclass(frozen=True)
class Schedule:
    """A pipeline that is to run again and again.

    Attributes:
        name: Its name in KFP, which tells it from the owner's other schedules.
        upload: The pipeline.
        parameters: Values by name, of the pipeline's types.
        trigger: When it is due.
        experiment: The name of the experiment that its runs belong to.
        owner: Who made it; nobody else's are ever changed.
        max_concurrency: How many of its runs may go at once, 1 to 10.
        catchup: Whether KFP makes up for each time it missed, or for the last one alone.
        enabled: Whether it starts runs.
    """

    name: str
    upload: Upload
    parameters: Mapping[str, Any]
    trigger: Trigger
    experiment: str = "Default"
    owner: str = COMMAND_LINE
    max_concurrency: int = 1
    catchup: bool = True
    enabled: bool = True

    def check(self) -> None:
        """Refuse what KFP would not take.

        Raises:
            InputError: A name or a number is out of bounds.
        """
        for what, value in (("name", self.name), ("experiment", self.experiment)):
            if not re.fullmatch(rf"[\x21-\x7e][\x20-\x7e]{{0,{NAME_LETTERS - 1}}}", value):
                raise InputError(
                    f"`{what}` must be 1 to {NAME_LETTERS} plain characters. Found: "
                    f"{value[:150]!r}."
                )
        if not OWNER.fullmatch(self.owner):
            raise InputError(
                f"`owner` must be a word of up to 63 letters, digits, dots, dashes and "
                f"underscores. Found: {self.owner[:80]!r}."
            )
        if not 1 <= self.max_concurrency <= MOST_AT_ONCE:
            raise InputError(
                f"`max_concurrency` must be from 1 to {MOST_AT_ONCE}. Found: "
                f"{self.max_concurrency}."
            )

    @property
    def digest(self) -> str:
        """What changes if anything changes but whether it is enabled."""
        parts = [self.upload.name, self.upload.digest, self.parameters, self.trigger.document(),
                 self.experiment, self.max_concurrency, self.catchup]  # fmt: skip
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def body(
        self,
        uploaded: Uploaded | None = None,
        experiment_id: str = "",
        since: datetime | None = None,
        enabled: bool = False,
    ) -> Any:
        """Return what KFP is sent; without ids before there are any.

        Args:
            uploaded: Where the pipeline is.
            experiment_id: The experiment's id.
            since: The time after which it begins, if that is later than the trigger's start.
            enabled: Whether it may start runs at once.
        """
        import kfp_server_api as models

        start = max((t for t in (self.trigger.start, since) if t), default=None)
        times = {"start_time": start, "end_time": self.trigger.end}
        reference = uploaded and models.V2beta1PipelineVersionReference(
            pipeline_id=uploaded.pipeline_id, pipeline_version_id=uploaded.version_id
        )
        return models.V2beta1RecurringRun(
            display_name=self.name,
            description=f"Made by holdfast. holdfast-schedule: {self.digest} owner: {self.owner}",
            experiment_id=experiment_id or None,
            pipeline_version_reference=reference or None,
            runtime_config=models.V2beta1RuntimeConfig(parameters=dict(self.parameters)),
            trigger=models.V2beta1Trigger(
                cron_schedule=models.V2beta1CronSchedule(cron=self.trigger.cron, **times)
            )
            if self.trigger.cron
            else models.V2beta1Trigger(
                periodic_schedule=models.V2beta1PeriodicSchedule(
                    interval_second=str(self.trigger.seconds), **times
                )
            ),
            max_concurrency=str(self.max_concurrency),
            no_catchup=not self.catchup,
            mode="ENABLE" if enabled else "DISABLE",
        )


def mark_of(made: Any) -> tuple[str, str]:
    """Return the digest and the owner of a recurring run; empty for one that is not ours."""
    found = MARK.search(made.description or "")
    return (found[1], found[2]) if found else ("", "")


def is_enabled(made: Any) -> bool:
    """Whether a recurring run starts runs."""
    return str(made.mode) == "ENABLE"


def cadence(made: Any) -> tuple[str, int]:
    """Return the cron expression and the seconds of a recurring run's trigger."""
    trigger = made.trigger
    cron = (trigger and trigger.cron_schedule and trigger.cron_schedule.cron) or ""
    period = trigger and trigger.periodic_schedule and trigger.periodic_schedule.interval_second
    return cron, int(period or 0)


def start_of(made: Any) -> datetime:
    """Return the time after which a recurring run is first due."""
    trigger = made.trigger
    of = trigger and (trigger.cron_schedule or trigger.periodic_schedule)
    start = of and of.start_time
    # KFP writes none as the beginning of 1970.
    real = start and start.timestamp() > 0
    moment: datetime = start if real else made.created_at
    return moment


@dataclass(frozen=True)
class Recurring:
    """KFP's recurring runs, and what can be done to them."""

    kfp: Access
    api: Any

    @classmethod
    def at(cls, kfp: Access) -> "Recurring":
        """Return those of a KFP."""
        from kfp_server_api import RecurringRunServiceApi

        return cls(kfp, RecurringRunServiceApi(kfp.client()))

    def all(self, name: str = "") -> list[Any]:
        """Return all, or those of a name without regard to case; the oldest first."""
        named = {"namespace": self.kfp.namespace} if self.kfp.namespace else {}
        chosen = {"filter": equals("display_name", name)} if name else {}
        listing = self.api.recurring_run_service_list_recurring_runs
        listed = self.kfp.pages(listing, "recurring_runs", **named, **chosen)
        return sorted(listed, key=age)

    def create(self, body: Any) -> Any:
        """Make one, and maybe a second one that a lost answer hides."""
        return self.kfp.call(self.api.recurring_run_service_create_recurring_run, body)

    def enable(self, made: Any, enabled: bool) -> None:
        """Let one start runs, or not."""
        api = self.api
        change = (
            api.recurring_run_service_enable_recurring_run
            if enabled
            else api.recurring_run_service_disable_recurring_run
        )
        self.kfp.call(change, made.recurring_run_id)

    def delete(self, made: Iterable[Any]) -> None:
        """Delete some; their runs stay, and those that go go on."""
        remove = self.api.recurring_run_service_delete_recurring_run
        for each in made:
            # Somebody else was first, or an answer got lost.
            with contextlib.suppress(NotFoundError):
                self.kfp.call(remove, each.recurring_run_id, propagation_policy="ORPHAN")

    def last_due(self, made: Any) -> datetime | None:
        """Return the time that the newest of its runs was due; None if it has none."""
        from kfp_server_api import RunServiceApi

        runs = RunServiceApi(self.api.api_client)
        mine = equals("recurring_run_id", made.recurring_run_id)
        named = {"namespace": self.kfp.namespace} if self.kfp.namespace else {}
        page = self.kfp.call(
            runs.run_service_list_runs, filter=mine, sort_by="created_at desc", page_size=20,
            **named,
        )  # fmt: skip
        # Runs that catch up may be created out of order.
        times = [r.scheduled_at or r.created_at for r in page.runs or []]
        return max((t for t in times if t), default=None)

    def wait(self) -> None:
        """Wait until KFP's controller has done what it was at, and others' calls are seen."""
        time.sleep(self.kfp.patience.settle)


def grid(start: datetime, seconds: int, now: datetime | None = None) -> datetime:
    """Return the last time that a period was due by now, or its start."""
    passed = ((now or datetime.now(UTC)) - start).total_seconds()
    whole = max(0, int(passed // seconds)) * seconds
    return datetime.fromtimestamp(start.timestamp() + whole, UTC)
