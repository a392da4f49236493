"""Changes between two compiled files, and what they mean to whoever uses the older one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["breaking", "compatible", "cosmetic"]

LEVELS: tuple[Level, ...] = ("breaking", "compatible", "cosmetic")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+.].*)?")


@dataclass(frozen=True)
class Change:
    """A change.

    Attributes:
        level: breaking (a run, a schedule or a DAG that uses the older file may fail), compatible,
            or cosmetic (people see it, and no program).
        subject: What has changed, such as "input metric".
        text: How.
    """

    level: Level
    subject: str
    text: str


@dataclass(frozen=True)
class FileDiff:
    """The changes of a file; `file` is its path within the folders that are compared."""

    file: str
    changes: tuple[Change, ...]
    old_version: str = ""
    new_version: str = ""

    def count(self, level: Level) -> int:
        """How many changes of a level there are."""
        return sum(change.level == level for change in self.changes)

    @property
    def has_new_major(self) -> bool:
        """Whether the versions allow a breaking change."""
        return is_new_major(self.old_version, self.new_version)

    @property
    def forbidden(self) -> bool:
        """Whether it breaks without a version that says so."""
        return self.count("breaking") > 0 and not self.has_new_major


def is_new_major(old: str, new: str) -> bool:
    """Tell whether a version may break what an older one promised, by Semantic Versioning 2.0.

    Below 1.0.0, where anything may change, a new minor counts, as package managers have it. What is
    no version promises nothing, and allows nothing.
    """
    before, after = _VERSION.fullmatch(old), _VERSION.fullmatch(new)
    if before is None or after is None:
        return False
    first, second = [tuple(map(int, found.groups())) for found in (before, after)]
    if second[0] != first[0]:
        return second[0] > first[0]
    return first[0] == 0 and second[1] > first[1]


def next_major(old: str) -> str:
    """Return the lowest version that may break what an older one promised; empty for no version."""
    found = _VERSION.fullmatch(old)
    if found is None:
        return ""
    major, minor = int(found[1]), int(found[2])
    return f"0.{minor + 1}.0" if major == 0 else f"{major + 1}.0.0"


def total(files: Iterable[FileDiff], level: Level) -> int:
    """How many changes of a level there are in all files."""
    return sum(file.count(level) for file in files)


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return changes with the gravest first, and else as they are."""
    return tuple(sorted(dict.fromkeys(changes), key=lambda change: LEVELS.index(change.level)))


def joined(names: Sequence[str]) -> str:
    """Return names as a list in words."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
