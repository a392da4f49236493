"""Changes as text, Markdown and JSON."""

import json
from collections.abc import Sequence
from typing import Any

from holdfast.diff.changes import LEVELS, Change, FileDiff, next_major, total

_MARKS = {"breaking": "!", "compatible": "+", "cosmetic": "."}

# A longer subject moves its own line, and not those of others.
_WIDEST = 34


def as_text(files: Sequence[FileDiff]) -> str:
    """Return changes for a terminal, the gravest of each file first."""
    changed = [file for file in files if file.changes]
    lines = []
    for file in changed:
        lines.append(f"{file.file}{_versions(file)}")
        width = min(_WIDEST, max(len(change.subject) for change in file.changes))
        for change in file.changes:
            level = f"{_MARKS[change.level]} {change.level:10}"
            lines.append(f"  {level} {change.subject:{width}}  {change.text}")
        lines.append("")
    return "\n".join([*lines, *_summary(files)]) + "\n"


def as_markdown(files: Sequence[FileDiff]) -> str:
    """Return changes as Markdown, for a review or release notes."""
    lines = []
    for file in files:
        if file.changes:
            rows = [_row(change) for change in file.changes]
            title = f"{_plain(file.file)} {_plain(_versions(file))}".rstrip()
            head = [f"### {title}", "", "| | what | how |"]
            lines += [*head, "|---|---|---|", *rows, ""]
    return "\n".join([*lines, *map(_plain, _summary(files))]) + "\n"


def as_json(files: Sequence[FileDiff]) -> str:
    """Return changes as one JSON document; files without a change are left out."""
    counts: dict[str, int] = {level: total(files, level) for level in LEVELS}
    document: dict[str, Any] = {
        "files": [
            {
                "file": file.file,
                "old_version": file.old_version,
                "new_version": file.new_version,
                "new_major": file.has_new_major,
                "changes": [vars(change) for change in file.changes],
            }
            for file in files
            if file.changes
        ],
        "compared": len(files),
        **counts,
        "allowed": not any(file.forbidden for file in files),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _row(change: Change) -> str:
    level = f"**{change.level}**" if change.level == "breaking" else change.level
    return f"| {level} | {_plain(change.subject)} | {_plain(change.text)} |"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: names and defaults come from the files."""
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}" if letter not in "<>" else _ENTITIES[letter])
    return " ".join(text.split())


_ENTITIES = {"<": "&lt;", ">": "&gt;"}


def _versions(file: FileDiff) -> str:
    if file.old_version == file.new_version:
        return f"  ({file.new_version})" if file.new_version else ""
    return f"  ({file.old_version or 'no version'} to {file.new_version or 'no version'})"


def _summary(files: Sequence[FileDiff]) -> list[str]:
    changed = sum(bool(file.changes) for file in files)
    if not changed:
        return [f"{_files(len(files))} compared: nothing has changed."]
    counts = ", ".join(f"{total(files, level)} {level}" for level in LEVELS)
    lines = [f"{_files(len(files))} compared, {changed} changed: {counts}."]
    forbidden = [file for file in files if file.forbidden]
    if forbidden:
        lines.append(_verdict(forbidden))
    elif total(files, "breaking"):
        lines.append("It breaks, and the new version says so.")
    return lines


def _verdict(forbidden: Sequence[FileDiff]) -> str:
    pairs = {(file.old_version, file.new_version) for file in forbidden}
    old, new = sorted(pairs)[0]
    if not old or not new:
        return (
            "It breaks, and the files do not tell their versions: give --old-version and "
            "--new-version."
        )
    needed = next_major(old)
    return f"It breaks: {new} after {old} may not. The next version that may is {needed or 'none'}."


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"
