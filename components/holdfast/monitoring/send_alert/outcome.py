"""What became of the alerts of a window."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from holdfast.errors import HoldfastError, InputError
from holdfast.monitoring.send_alert.plan import Alert
from holdfast.monitoring.send_alert.spool import write_spool
from holdfast.monitoring.send_alert.state import Delivery
from holdfast.report import Report

Decision = Literal["quiet", "sent", "suppressed", "unsent", "dry_run"]


@dataclass(frozen=True)
class Outcome:
    """What became of the alerts.

    `unsent` is what did not arrive, each with its last error, and `forgotten` says why nothing
    could be remembered, if so.
    """

    decision: Decision
    alerts: tuple[Alert, ...]
    sent: tuple[Delivery, ...]
    unsent: tuple[Delivery, ...]
    page: Report
    on_unsent: str = "fail"
    forgotten: HoldfastError | None = None

    @property
    def counts(self) -> dict[str, float]:
        """Numbers of alerts by outcome, and of deliveries."""
        outcomes: list[str] = [alert.outcome for alert in self.alerts]
        named = ("told", "suppressed", "resolved", "not judged")
        counts = {name.replace(" ", "_"): float(outcomes.count(name)) for name in named}
        return {**counts, "sent": float(len(self.sent)), "unsent": float(len(self.unsent))}

    def write(self, summary_path: str | Path, spool_path: str | Path) -> dict[str, Any]:
        """Write the page and the spool; return the spool's metadata."""
        self.page.write_markdown(summary_path)
        return write_spool(spool_path, self.unsent)

    def go_on(self) -> Decision:
        """Return the decision, unless something must be mended.

        Raises:
            InputError: Something did not arrive, a rule could not be judged, or the tracking store
                could not be reached.
        """
        lacks = [f"{alert.name} ({', '.join(alert.lacks)})" for alert in self.alerts if alert.lacks]
        if self.unsent and self.on_unsent == "fail":
            # The last resort where a failed step's artifacts are thrown away.
            print("\n".join(d.model_dump_json() for d in self.unsent), file=sys.stderr)
            told = "; ".join(f"{d.title} to {d.channel}: {d.last_error}" for d in self.unsent[:5])
            raise InputError(
                f"All alerts must arrive. Found: {len(self.unsent)} that did not. {told}. They are "
                f"kept {'in the spool' if self.forgotten else 'in MLflow and the spool'}, and the "
                f"next run sends them first. Mend the receiver or its variable."
            )
        if self.forgotten is not None:
            raise self.forgotten
        if lacks:
            raise InputError(
                f"`rules` must be about verdicts and metrics that are given. Found: rules about "
                f"what is not there: {'; '.join(lacks[:5])}. Pass it, or write `missing: quiet`."
            )
        return self.decision
