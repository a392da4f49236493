"""How a task failed: by an answer to the user, or by an accident that may not happen twice."""

import re
from pathlib import Path

from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineTaskSpec

from holdfast.errors import GateError, InputError, MachineError
from holdfast.local.runner import KILLED

# The last lines of a log that are shown when a step failed in a way nobody foresaw.
SHOWN_LINES = 25
CODES = {kind.__name__: kind.exit_code for kind in (GateError, InputError, MachineError)}
ANSWER = re.compile(rf"^({'|'.join(CODES)}): ", re.MULTILINE)


def is_answer(exit_code: int, log: Path, start: int) -> bool:
    """Return whether a task ended with one of our errors; its words begin at a byte of the log.

    The last error that it told of must be the one that its exit code stands for: a step may also
    print an error that it got over.
    """
    if exit_code not in CODES.values():
        return False
    with log.open("rb") as written:
        written.seek(start)
        told = ANSWER.findall(written.read().decode("utf-8", "replace"))
    return bool(told) and CODES[told[-1]] == exit_code


def code_of(exit_code: int) -> int:
    """Return the exit code of a run for that of the task that failed."""
    if exit_code in KILLED:
        return MachineError.exit_code
    return exit_code if exit_code in CODES.values() else 1


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
