"""Windows as they are remembered: in the journal, and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast.monitoring.policy import ROLES, Answer, Hindrance
from holdfast.table import TableWriter

# Times of retrainings, which are remembered for longer than windows.
KEPT_RETRAININGS = 200


@dataclass(frozen=True)
class News:
    """What is known of a window: decisions by role, metrics by name, and how many rows it has."""

    window: str
    start: datetime
    decisions: Mapping[str, str]
    metrics: Mapping[str, float]
    rows: int | None


@dataclass(frozen=True)
class Known:
    """A window that is remembered; `fired` is the time that a retraining was decided for."""

    news: News
    bad: bool
    fired: datetime | None
    hindrances: tuple[Hindrance, ...]

    @property
    def answer(self) -> Answer:
        """What was decided after it."""
        return "wait" if self.fired is None else "retrain"


def written(known: Known, retrained: Sequence[datetime]) -> dict[str, Any]:
    """Return a window as the journal keeps it, with the times of all retrainings so far."""
    news = known.news
    return {
        "window": news.window,
        "start": news.start.isoformat(),
        "decisions": dict(news.decisions),
        "metrics": dict(news.metrics),
        "rows": news.rows,
        "bad": known.bad,
        "fired": known.fired.isoformat() if known.fired else None,
        "hindrances": [[h.code, h.text] for h in known.hindrances],
        "retrained": [time.isoformat() for time in retrained[-KEPT_RETRAININGS:]],
    }


def read(value: Mapping[str, Any]) -> Known:
    """Return a window from the journal."""
    start = datetime.fromisoformat(value["start"])
    news = News(value["window"], start, value["decisions"], value["metrics"], value["rows"])
    fired = datetime.fromisoformat(value["fired"]) if value["fired"] else None
    hindrances = tuple(Hindrance(code, text) for code, text in value["hindrances"])
    return Known(news, value["bad"], fired, hindrances)


def write_history(windows: Sequence[Known], path: str | Path) -> None:
    """Write the windows as a table that backtest_retraining reads."""
    import pyarrow as pa

    roles = [role for role in ROLES if any(role in w.news.decisions for w in windows)]
    metrics = sorted({name for w in windows for name in w.news.metrics})
    columns: dict[str, Any] = {
        "window": pa.array([w.news.start for w in windows], pa.timestamp("us", tz="UTC")),
        "rows": pa.array([w.news.rows for w in windows], pa.int64()),
        "bad": pa.array([w.bad for w in windows], pa.bool_()),
        "decision": pa.array([w.answer for w in windows], pa.string()),
    }
    for role in roles:
        found = [w.news.decisions.get(role) for w in windows]
        columns[role] = pa.array(found, pa.string())
    for name in metrics:
        columns[f"metric.{name}"] = pa.array(
            [w.news.metrics.get(name) for w in windows], pa.float64()
        )
    batch = pa.RecordBatch.from_pydict(columns)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with TableWriter(path, batch.schema) as writer:
        writer.write(batch)
