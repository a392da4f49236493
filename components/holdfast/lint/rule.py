"""What a rule is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from holdfast.lint.findings import Finding, Path, Severity
from holdfast.lint.pipeline import Pipeline


@dataclass(frozen=True)
class Place:
    """Where a rule was broken.

    Attributes:
        message: What is there.
        path: Where.
        document: 0 for the pipeline spec, 1 for the platform spec.
        severity: Other than the rule's, if given.
        remedy: Other than the rule's, if given.
    """

    message: str
    path: Path = ()
    document: int = 0
    severity: Severity | None = None
    remedy: str = ""


Check = Callable[[Pipeline], Iterator[Place]]


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        id: HF and three digits; the first digit is the group.
        name: What it is called.
        severity: Of its findings, where a finding does not say otherwise.
        why: What goes wrong, and how the rule knows.
        remedy: What to do.
        check: Finds the places; None for a rule that is checked where the file is read.
        of_tasks: Whether it is about what only a pipeline says, and not a component's own YAML.
    """

    id: str
    name: str
    severity: Severity
    why: str
    remedy: str
    check: Check | None = None
    of_tasks: bool = False

    def __call__(self, pipeline: Pipeline) -> Iterator[Finding]:
        """Yield the findings in a pipeline."""
        if self.check and not (self.of_tasks and pipeline.is_component):
            yield from map(self.found, self.check(pipeline))

    def found(self, place: Place) -> Finding:
        """Return a place as a finding of this rule."""
        return Finding(
            self.id,
            place.severity or self.severity,
            place.message,
            place.remedy or self.remedy,
            place.path,
            place.document,
        )


def rule(
    id: str,  # noqa: A002
    name: str,
    severity: Severity,
    *,
    why: str,
    remedy: str,
    of_tasks: bool = False,
) -> Callable[[Check], Rule]:
    """Return a decorator that makes a rule of the function that finds the places."""
    return lambda check: Rule(id, name, severity, why, remedy, check, of_tasks)
