"""What a rule found, and where."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

# From the least to the most severe.
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """A thing that a rule found.

    Attributes:
        rule: The rule's id, such as HF203.
        severity: error (it fails, or harms), warning (it may), note (better known).
        message: What was found. Never holds a secret.
        remedy: What to do about it.
        path: Where, as keys and indexes in the document, such as
            ("root", "dag", "tasks", "train"). The line is looked up from it; a path that is not
            in the document stands for the nearest part of it that is.
        document: 0 for the pipeline spec, 1 for the platform spec.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    path: Path = ()
    document: int = 0

    def at_least(self, severity: str) -> bool:
        """Tell whether the finding is as severe as this, or more."""
        levels: tuple[str, ...] = SEVERITIES
        return levels.index(self.severity) >= levels.index(severity)
