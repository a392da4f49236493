"""How a task failed: by an answer to the user, or by an accident that may not happen twice."""

import re
from pathlib import Path

from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineTaskSpec

from holdfast.errors import GateError, InputError, MachineError

# The last lines of a log that are shown when a step failed in a way nobody foresaw.
SHOWN_LINES = 25
KINDS = (GateError, InputError, MachineError)
ANSWERS = "|".join(kind.__name__ for kind in KINDS)
ANSWER_CODES = [kind.exit_code for kind in KINDS]
ANSWER = re.compile(rf"^(?:{ANSWERS}): ", re.MULTILINE)


def is_answer(exit_code: int, log: Path, start: int) -> bool:
    """Return whether a task ended with one of our errors; its words begin at a byte of the log."""
    if exit_code not in ANSWER_CODES:
        return False
    with log.open("rb") as written:
        written.seek(start)
        return bool(ANSWER.search(written.read().decode("utf-8", "replace")))


def waits(policy: PipelineTaskSpec.RetryPolicy) -> list[float]:
    """Return how many seconds are waited before each further try, with KFP's defaults."""
    first = policy.backoff_duration.ToTimedelta().total_seconds()
    most = policy.backoff_max_duration.ToTimedelta().total_seconds() or 3600.0
    factor = policy.backoff_factor or 2.0
    return [min(first * factor**number, most) for number in range(policy.max_retry_count)]


def why(log: Path) -> str:
    """Return the answer that a task ended with, or the end of its log where it gave none."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    answers = list(ANSWER.finditer(text))
    if answers:
        return text[answers[-1].end() :].strip()
    tail = "\n".join(text.strip().splitlines()[-SHOWN_LINES:])
    return f"failed; the end of {log}:\n{tail}"
