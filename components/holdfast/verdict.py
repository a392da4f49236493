"""The verdict contract: what every gate writes, as JSON.

``{"decision": "fail", "reasons": [{"code", "subject", "observed", "expected", "message", "effect",
"share", "examples"}]}``
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from holdfast.errors import InputError
from holdfast.reading import read_json
from holdfast.writing import write_text

Decision = Literal["pass", "warn", "fail", "no_baseline"]
# The worst one first. No baseline is no finding, but more than a pass.
SEVERITY: tuple[Decision, ...] = ("fail", "warn", "no_baseline", "pass")


@dataclass(frozen=True)
class Reason:
    """One finding: `subject` is a column, metric or artifact; `code` is stable, for programs.

    `effect` is what the finding does to the decision: fail, warn, quarantine (the rows are set
    aside) or no_baseline; empty where the gate has one effect only. `share` is that of the rows to
    blame, None where no rows are; `examples` are up to five of their values, never whole rows.
    """

    code: str
    subject: str
    observed: str
    expected: str
    message: str
    effect: str = ""
    share: float | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A gate's decision and the findings it rests on.

    `no_baseline` says that there was nothing to compare with; it is neither a pass nor a failure.
    """

    decision: Decision
    reasons: tuple[Reason, ...] = ()

    def write(self, path: str | Path) -> None:
        """Write the verdict as JSON to the file `path`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        write_text(path, text + "\n")

    def metadata(self) -> dict[str, Any]:
        """Return what an artifact that carries this verdict says about itself."""
        return {
            "holdfast_contract": "verdict/1",
            "decision": self.decision,
            "reasons": len(self.reasons),
        }


def read_verdict(path: str | Path) -> Verdict:
    """Read a verdict.

    Raises:
        InputError: The file is not a verdict.
    """
    try:
        document = read_json(Path(path).read_text(encoding="utf-8"))
        reasons = tuple(_reason(reason) for reason in document["reasons"])
        decision = document["decision"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"`verdict` must be a verdict's JSON with a decision and reasons, but it could not be "
            f"read ({type(error).__name__}: {error}). Pass the `verdict` output of a gate, such as "
            f"validate_table."
        ) from error
    if decision not in get_args(Decision):
        raise InputError(
            f"`verdict` must hold a decision out of {list(get_args(Decision))}. Found: "
            f"{decision!r}. Pass the `verdict` output of a gate, such as validate_table."
        )
    return Verdict(decision, reasons)


def joined(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return several verdicts, by what was judged, as one: the worst decision, and all reasons.

    A verdict without a reason is a reason by itself.
    """
    decision = min((verdict.decision for verdict in verdicts.values()), key=SEVERITY.index)
    reasons: list[Reason] = []
    for role, verdict in verdicts.items():
        alone = Reason(verdict.decision, role, "", "", f"{role}: {verdict.decision}.")
        reasons += verdict.reasons or (alone,)
    return Verdict(decision, tuple(reasons))


def _reason(entry: dict[str, Any]) -> Reason:
    reason = Reason(**{**entry, "examples": tuple(entry.get("examples", ()))})
    texts = (reason.code, reason.subject, reason.observed, reason.expected, reason.message,
             reason.effect, *reason.examples)  # fmt: skip
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a reason whose words are no text")
    if reason.share is not None and not isinstance(reason.share, int | float):
        raise ValueError("a reason whose share is no number")
    return reason
