"""Files through all rules and suppressions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from holdfast.errors import InputError
from holdfast.ir import MOST_BYTES, Compiled
from holdfast.lint import rules
from holdfast.lint.findings import Finding
from holdfast.lint.reading import LookedAt, read
from holdfast.lint.rule import Place, Rule
from holdfast.lint.secret_values import without_secrets
from holdfast.lint.suppressions import Comment, Kept, Suppression, read_comments

COMPILED = re.compile(r"^(?:pipelineInfo|deploymentSpec|schemaVersion|pipeline_info):", re.M)
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Result:
    """A finding in a file.

    Attributes:
        line: From 1.
        accepted: Why it is suppressed; empty if it is not.
        accepted_in: inSource (a comment) or external (a file of suppressions), in SARIF's words.
    """

    file: str
    line: int
    finding: Finding
    accepted: str = ""
    accepted_in: str = ""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        files: Those that were looked at.
        skipped: How many YAML files of folders were not compiled by kfp.
        results: By file, line and rule.
    """

    files: Sequence[str]
    skipped: int
    results: Sequence[Result]

    @property
    def open(self) -> list[Result]:
        """What is not suppressed."""
        return [result for result in self.results if not result.accepted]


def lint(paths: Sequence[Path], kept: Sequence[Kept] = (), today: date | None = None) -> Report:
    """Return what is found in files, and in the compiled YAML of folders.

    Raises:
        InputError: A file is not there or cannot be read, or a folder has no compiled YAML.
    """
    day = today or date.today()
    files, skipped = _files(paths)
    marks = _Marks(kept, day)
    results = [result for file in files for result in _lint_file(file, marks)]
    results += marks.unused([file.as_posix() for file in files])
    results.sort(key=lambda r: (r.file, r.line, r.finding.rule, r.finding.message))
    return Report(sorted(file.as_posix() for file in files), skipped, results)


def _files(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """Return the files that are named, and those of folders that kfp has compiled."""
    files: dict[Path, None] = {}
    skipped = 0
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        compiled = [p for p in inside if _is_compiled(p)]
        skipped += len(inside) - len(compiled)
        if not compiled:
            raise InputError(
                f"FILE must be compiled YAML or a folder with some. Found: {path} with "
                f"{len(inside)} YAML files, none compiled by kfp. Compile a pipeline into it."
            )
        files |= dict.fromkeys(compiled)
    return list(files), skipped


def _is_compiled(path: Path) -> bool:
    try:
        # What tells it from others may be at the end, but no server takes more than this.
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        # Named by name, it would be an error; in a folder nobody asked for it.
        return False
    return text.startswith("# PIPELINE DEFINITION") or COMPILED.search(text) is not None


class _Marks:
    """Suppressions of files, and which of them were of use."""

    def __init__(self, kept: Sequence[Kept], today: date):
        self._entries = [(k.name, line, s) for k in kept for line, s in k.entries]
        self._used: set[int] = set()
        self._today = today

    def reason(self, file: str, finding: Finding) -> str:
        """Return why a finding is accepted; empty if it is not."""
        for index, (_, _, suppression) in enumerate(self._entries):
            about = suppression.is_about(file) and suppression.covers(finding)
            if about and self._holds(suppression):
                self._used.add(index)
                return suppression.reason
        return ""

    def _holds(self, suppression: Suppression) -> bool:
        return suppression.expires is None or suppression.expires >= self._today

    def unused(self, files: Sequence[str]) -> Iterator[Result]:
        """Yield the suppressions that are over, and those that files were there for in vain."""
        for index, (name, line, suppression) in enumerate(self._entries):
            if not self._holds(suppression):
                over = f"the suppression of {suppression.rule} expired {suppression.expires}"
                place = Place(over)
                yield Result(name, line, rules.EXPIRED_SUPPRESSION.found(place))
            elif index not in self._used and any(suppression.is_about(file) for file in files):
                place = Place(f"nothing of {suppression.rule} is suppressed here")
                yield Result(name, line, rules.UNUSED_SUPPRESSION.found(place))


def _lint_file(path: Path, marks: _Marks) -> Iterator[Result]:
    file = path.as_posix()
    looked_at = read(path)
    findings = looked_at.findings
    if looked_at.compiled and looked_at.known:
        findings = [*findings, *rules.check(looked_at.compiled, looked_at.known)]
    comments = _comments(looked_at.compiled)
    used: set[Comment] = set()
    for finding in dict.fromkeys(findings):
        line = _line(looked_at, finding)
        shown = replace(finding, message=without_secrets(finding.message))
        comment = next((c for c in comments if c.covers(finding, line)), None)
        if comment:
            used.add(comment)
            yield Result(file, line, shown, comment.reason, "inSource")
        else:
            reason = marks.reason(file, finding)
            yield Result(file, line, shown, reason, "external" if reason else "")
    yield from (_idle(file, comment) for comment in comments if comment not in used)


def _comments(compiled: Compiled | None) -> list[Comment]:
    return read_comments(compiled.text, compiled.nodes) if compiled else []


def _line(looked_at: LookedAt, finding: Finding) -> int:
    if looked_at.compiled:
        return looked_at.compiled.line(finding.path, finding.document)
    return looked_at.line


def _idle(file: str, comment: Comment) -> Result:
    """Return a comment that suppresses nothing as a finding."""
    rule: Rule = rules.UNUSED_SUPPRESSION if comment.rules else rules.BAD_SUPPRESSION
    what = ", ".join(sorted(comment.rules))
    message = f"nothing of {what} is suppressed here" if what else "a suppression without a reason"
    return Result(file, comment.line, rule.found(Place(message)))
