"""What people have looked at and accepted, with their reasons: in a file, or in comments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from holdfast import ir
from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.lint.findings import Finding

if TYPE_CHECKING:
    from yaml import Node

FILE = ".holdfast-lint.yaml"
MARK = re.compile(r"#\s*holdfast:\s*ignore(-file)?\b([^\n]*)")
WITH_REASON = re.compile(r"\s+(HF\d{3}(?:\s*,\s*HF\d{3})*)\s+because\s+(\S.*)")


class Suppression(Document):
    """A rule that is not reported, where, until when, and why.

    Attributes:
        rule: The rule's id.
        reason: Why it is accepted.
        file: A glob of files, with / between folders; all files if empty.
        task: The name of a task or executor that the place must lie in; any if empty.
        path: Where the place must begin, as root.dag.tasks.train; any if empty.
        expires: The last day on which it holds.
    """

    rule: str = Field(pattern=r"^HF\d{3}$")
    reason: str = Field(min_length=1, pattern=r"\S")
    file: str = ""
    task: str = ""
    path: str = ""
    expires: date | None = None

    def covers(self, finding: Finding) -> bool:
        """Tell whether it is about a finding of a file that it is about."""
        keys = [str(key) for key in finding.path]
        prefix = self.path.split(".") if self.path else []
        names = {self.task, f"exec-{self.task}", f"comp-{self.task}"}
        return (
            finding.rule == self.rule
            and keys[: len(prefix)] == prefix
            and (not self.task or bool(names & set(keys)))
        )

    def is_about(self, file: str) -> bool:
        """Tell whether it is about a file."""
        return not self.file or fnmatch(file, self.file) or fnmatch(file, f"*/{self.file}")


class SuppressionFile(Document):
    """The grammar of the file of suppressions."""

    suppressions: list[Suppression] | None = None


@dataclass(frozen=True)
class Kept:
    """Suppressions of a file, each with its line."""

    name: str
    entries: Sequence[tuple[int, Suppression]]


def read_suppressions(path: Path) -> Kept:
    """Return the suppressions of a file.

    Raises:
        InputError: The file cannot be read, or is not of the grammar.
    """
    try:
        text = path.read_text(encoding="utf-8")
        suppressions = read_document(text, SuppressionFile, str(path)).suppressions or []
        nodes = [node for _, node in ir.parse(text)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(
            f"--suppress must name a file of suppressions. Found: {path}: {reason}. Name another."
        ) from error
    except InputError as error:
        found = str(error).partition(" Correct it")[0]
        raise InputError(
            f"{found} Give `suppressions`: a list of rule (HF203) and reason, and perhaps file (a "
            f"glob), task, path (root.dag.tasks.NAME) and expires (a day)."
        ) from error
    lines = [ir.line_of(nodes[0], ("suppressions", index)) for index in range(len(suppressions))]
    return Kept(path.as_posix(), list(zip(lines, suppressions, strict=True)))


@dataclass(frozen=True)
class Comment:
    """A comment that suppresses.

    Attributes:
        line: Where it is, from 1.
        first: The first line that it is about.
        last: The last.
        rules: Their ids; empty if the comment is not understood.
        reason: Why.
    """

    line: int
    first: int
    last: int
    rules: frozenset[str]
    reason: str

    def covers(self, finding: Finding, line: int) -> bool:
        """Tell whether it is about a finding on a line."""
        return finding.rule in self.rules and self.first <= line <= self.last


def read_comments(text: str, nodes: Sequence["Node"]) -> list[Comment]:
    """Return the comments of compiled YAML that suppress.

    ``# holdfast: ignore HF203 because REASON`` at the end of a line is about that line and what is
    indented below it; alone on a line, about the next; ``ignore-file`` is about the whole file.
    """
    if "holdfast:" not in text:
        return []
    lines = text.splitlines()
    inside = _scalars(nodes)
    comments = []
    for index, line in enumerate(lines):
        found = MARK.search(line)
        if not found or any(a <= (index, found.start()) < b for a, b in inside):
            continue
        told = WITH_REASON.fullmatch(found[2].rstrip())
        rules = frozenset(re.split(r"\s*,\s*", told[1])) if told else frozenset()
        alone = not line[: found.start()].strip()
        first = _next_content(lines, index + 1) if alone else index
        whole = (0, len(lines)) if found[1] else (first, _end_of_block(lines, first))
        reason = told[2] if told else ""
        comments.append(Comment(index + 1, whole[0] + 1, whole[1] + 1, rules, reason))
    return comments


def _scalars(nodes: Sequence["Node"]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where texts begin and end: what looks like a comment in them is none."""
    return [
        ((node.start_mark.line, node.start_mark.column), (node.end_mark.line, node.end_mark.column))
        for root in nodes
        for node in _leaves(root)
    ]


def _leaves(node: "Node") -> Iterator["Node"]:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _leaves(key)
            yield from _leaves(value)
    else:
        for below in node.value:
            yield from _leaves(below)


def _next_content(lines: Sequence[str], index: int) -> int:
    while index < len(lines) and (not lines[index].strip() or lines[index].lstrip()[:1] == "#"):
        index += 1
    return index


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _end_of_block(lines: Sequence[str], first: int) -> int:
    """Return the last line that is indented below the first."""
    if first >= len(lines):
        return first
    last = first
    for index in range(first + 1, len(lines)):
        if lines[index].strip():
            if _indent(lines[index]) <= _indent(lines[first]):
                break
            last = index
    return last
