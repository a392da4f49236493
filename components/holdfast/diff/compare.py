"""Compare two compiled files, two folders of them, or a folder with an earlier revision."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast import ir
from holdfast.diff.changes import Change, FileDiff, in_order
from holdfast.diff.interface import compare_interfaces
from holdfast.diff.steps import DOCSTRING, compare_steps, images
from holdfast.errors import InputError
from holdfast.images import family_of
from holdfast.ir import Compiled

_SEEN = ("pipelineInfo", "root", "components", "deploymentSpec")
_TOOLS = {"sdkVersion": "compiled by", "schemaVersion": "pipeline schema"}


def compare(old: Compiled, new: Compiled) -> tuple[Change, ...]:
    """Return the changes from an older compiled file to a newer one."""
    if old.text and old.text == new.text:
        return ()
    old, new = _in_one_spelling(old), _in_one_spelling(new)
    outside = list(compare_interfaces(old.pipeline, new.pipeline))
    inside = list(compare_steps(old, new))
    if outside:
        # A docstring has changed where descriptions have.
        inside = [change for change in inside if change.text != DOCSTRING]
    changes = [*outside, *inside, *_compare_tools(old.pipeline, new.pipeline)]
    same = (old.pipeline, old.platform) == (new.pipeline, new.platform)
    if same:
        changes.append(Change("cosmetic", "file", "comments, order or spaces"))
    elif not changes:
        # Nothing that this module knows: better told than left out.
        changes.append(Change("compatible", "file", "other parts have changed"))
    return in_order(changes)


def _in_one_spelling(compiled: Compiled) -> Compiled:
    """Return a file without nulls, and with one of the spellings that KFP reads."""
    from google.protobuf import json_format

    return replace(compiled, pipeline=json_format.MessageToDict(compiled.spec()))


def _compare_tools(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted((old.keys() | new.keys()) - set(_SEEN)):
        before, after = old.get(key, "none"), new.get(key, "none")
        if before != after:
            text = f"changed from {before} to {after}"
            yield Change("compatible", _TOOLS.get(key, key), text)


def version_of(compiled: Compiled) -> str:
    """Return the tag that all images of ours in a file have; empty if they have none in common."""
    ours = [reference for reference in images(_in_one_spelling(compiled)) if family_of(reference)]
    tags = {reference.rpartition(":")[2] for reference in ours if ":" in reference.split("/")[-1]}
    return tags.pop() if len(tags) == 1 else ""


def compare_files(old: Path, new: Path, name: str) -> FileDiff:
    """Compare two files."""
    before, after = ir.read(old), ir.read(new)
    return FileDiff(name, compare(before, after), version_of(before), version_of(after))


def compare_paths(old: Path, new: Path) -> list[FileDiff]:
    """Compare two files, or all YAML files of two folders.

    A file that is only in the older folder breaks whoever uses it.

    Raises:
        InputError: One is a file and the other a folder, or one is not there.
    """
    for path in (old, new):
        if not path.exists():
            raise InputError(f"OLD and NEW must be files or folders. Found: nothing at {path}.")
    if old.is_file() != new.is_file():
        raise InputError(f"OLD and NEW must be both files or both folders. Found: {old} and {new}.")
    return [compare_files(old, new, str(new))] if old.is_file() else _compare_folders(old, new)


def _compare_folders(old: Path, new: Path) -> list[FileDiff]:
    before, after = _files(old), _files(new)
    if not before and not after:
        raise InputError(f"OLD and NEW must hold YAML files. Found: none in {old} and {new}.")
    found = [
        compare_files(before[name], after[name], name)
        if name in before and name in after
        else _alone(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
    ]
    first, second = _only(f.old_version for f in found), _only(f.new_version for f in found)
    # A file that is gone or new has the version of those beside it.
    return [
        replace(f, old_version=f.old_version or first, new_version=f.new_version or second)
        for f in found
    ]


def _alone(name: str, old: Path | None, new: Path | None) -> FileDiff:
    if old is not None:
        removed = Change("breaking", "file", "removed")
        return FileDiff(name, (removed,), old_version=version_of(ir.read(old)))
    version = version_of(ir.read(new)) if new else ""
    return FileDiff(name, (Change("compatible", "file", "new"),), new_version=version)


def _only(versions: Iterator[str]) -> str:
    found = {version for version in versions if version}
    return found.pop() if len(found) == 1 else ""


def _files(folder: Path) -> dict[str, Path]:
    found = (path for kind in ("*.yaml", "*.yml") for path in folder.rglob(kind))
    return {path.relative_to(folder).as_posix(): path for path in found if path.is_file()}


@contextmanager
def revision(folder: Path, since: str) -> Iterator[Path]:
    """Lay out a folder as it was at a revision of git, in a temporary folder.

    Raises:
        InputError: There is no such revision, or the folder is in no checkout.
    """
    if since.startswith("-"):
        raise InputError(f"--since must be a revision of git. Found: {since!r}.")
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}").strip()
    inside = folder.resolve().relative_to(top.resolve()).as_posix()
    listed = _git(top, "ls-tree", "-r", "-z", "--name-only", commit, "--", inside)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "revision"
        root.mkdir()
        for name in filter(None, listed.split("\0")):
            if name.endswith((".yaml", ".yml")):
                path = root / Path(name).relative_to(inside)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_git(top, "show", f"{commit}:{name}"), encoding="utf-8")
        yield root


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            check=True,
            text=True,
            encoding="utf-8",
        )
    except FileNotFoundError as error:
        raise InputError("--since needs git. Found: no such program. Install it.") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        found = said[0] if said else "no such revision"
        raise InputError(
            f"--since must be a revision of the checkout that {folder} is in. Found: {found} "
            f"(git {' '.join(arguments)})."
        ) from error
    return done.stdout
