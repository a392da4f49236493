"""What the server tells of itself: Prometheus metrics, and a JSON line for each request.

No line holds a value of a feature, nor what a client wrote into a path. What a library says of an
error is left out, too, since it may quote the rows: the line names the error's type and place.
"""

import json
import logging
import sys
import traceback
import warnings
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

logger = logging.getLogger("holdfast.predictor")

# From a single row of a small model to the largest batch.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REQUESTS = Counter(
    "holdfast_requests", "Requests by protocol (v1, v2, other) and status", ["protocol", "status"]
)
ERRORS = Counter("holdfast_errors", "Requests that were refused or failed, by kind", ["kind"])
SECONDS = Histogram(
    "holdfast_request_seconds", "From the first byte to the answer", ["protocol"], buckets=BUCKETS
)
ROWS = Counter("holdfast_rows", "Rows that were answered", ["protocol"])
IN_FLIGHT = Gauge("holdfast_requests_in_flight", "Predictions that are being made")
FALLBACKS = Counter("holdfast_fallbacks", "Requests that a fallback answered, by kind", ["kind"])
MODEL = Gauge("holdfast_model", "1 for the model that is served", ["name", "version"])
READY = Gauge("holdfast_ready", "1 while the server asks for requests, 0 while it stops")


@dataclass
class Call:
    """One request, as far as it is known."""

    request_id: str
    protocol: str
    method: str
    status: int = 0
    rows: int = 0
    bytes: int = 0
    fallback: str = ""
    cause: str = ""
    error: str = ""
    failure: BaseException | None = None
    start: float = field(default_factory=perf_counter)

    def end(self) -> None:
        """Count the request and write its line."""
        seconds = perf_counter() - self.start
        REQUESTS.labels(self.protocol, str(self.status)).inc()
        SECONDS.labels(self.protocol).observe(seconds)
        if self.error:
            ERRORS.labels(self.error).inc()
        if self.fallback:
            FALLBACKS.labels(self.fallback).inc()
        if self.status == 200 and self.rows:
            ROWS.labels(self.protocol).inc(self.rows)
        level = logging.ERROR if self.failure or self.status >= 500 else logging.INFO
        # Probes ask every few seconds.
        quiet = self.protocol == "other" and self.status == 200
        logger.log(
            logging.DEBUG if quiet else level,
            "request",
            extra={"told": self._told(seconds)},
            exc_info=self.failure,
        )

    def _told(self, seconds: float) -> dict[str, Any]:
        told = {
            "request_id": self.request_id,
            "method": self.method,
            "protocol": self.protocol,
            "status": self.status,
            "milliseconds": round(1000 * seconds, 3),
            "rows": self.rows,
            "bytes": self.bytes,
        }
        more = {"error": self.error, "fallback": self.fallback, "cause": self.cause}
        return told | {name: value for name, value in more.items() if value}


# The request that the code at hand answers: KServe's handlers pass on headers alone.
CURRENT: ContextVar[Call] = ContextVar("call")


class JsonLines(logging.Formatter):
    """One JSON object a line; of an exception its type and the places in the code."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line["exception"] = kind.__name__
            frames = traceback.extract_tb(trace)
            line["where"] = [f"{f.filename}:{f.lineno} {f.name}" for f in frames[-8:]]
        return json.dumps(line, ensure_ascii=False)


def log_json() -> None:
    """Send every log to stdout as JSON lines, and nothing else to either stream."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.INFO
    # The lines of each request, of the start and of the end are ours; KServe's and uvicorn's would
    # say it twice.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("kserve").setLevel(logging.WARNING)
    # scikit-learn's warnings quote categories that it does not know.
    warnings.simplefilter("ignore")
