"""Write a table elsewhere, whole or not at all, and only if it is not there already."""

import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from holdfast.data.export_table.database import replace_rows
from holdfast.data.sources.places import MANIFEST, is_database
from holdfast.data.sources.postgresql import Digest
from holdfast.data.sources.targets import Target, target_of
from holdfast.errors import InputError, shown
from holdfast.reading import read_json
from holdfast.table import Table, TableWriter, open_table

FORMATS = (".parquet", ".csv")
# A part's name: its number, which keeps the order, and its content, so that it never means another.
PART = "part-{:05d}-{:.16}.parquet"
PARTS = re.compile(r"part-\d{5,}-[0-9a-f]{16}\.parquet")


@dataclass(frozen=True)
class Exported:
    """What was done: `written` is false where the same table was there already."""

    rows: int
    written: bool


def export(table: Table, uri: str, table_name: str = "") -> Exported:
    """Write a table to one file, to a folder of parts or to a PostgreSQL table.

    Raises:
        InputError: Nothing can be written there; what was there is as it was.
    """
    if is_database(uri):
        return Exported(table.rows, replace_rows(table, uri, table_name, content_of(table)))
    if table_name:
        raise InputError(
            f"`table_name` must go with a postgresql:// `uri`. Found: {table_name!r} with "
            f"{shown(uri)!r}. Leave it out."
        )
    target, name = target_of(uri)
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        if not name:
            return Exported(table.rows, _export_parts(table, target, Path(folder)))
        if not name.endswith(FORMATS):
            raise InputError(
                f"`uri` must end with .parquet or .csv for one file, or with / for a table in "
                f"parts. Found: {shown(uri)!r}. Choose one."
            )
        return Exported(table.rows, _export_file(table, target, name, Path(folder)))


def content_of(table: Table) -> str:
    """Return the hash of a table's content; one that came without a manifest is read for it."""
    if table.sha256:
        return table.sha256
    digest = Digest(table.schema)
    for batch in table.batches():
        digest.update(batch)
    return digest.hexdigest()


def _export_file(table: Table, target: Target, name: str, folder: Path) -> bool:
    file = folder / "whole"
    kind = Path(name).suffix
    content = f"{content_of(table)}{kind}"
    _write_file(table, file, kind)
    if target.holds(name, file, content):
        return False
    target.put(name, file, content)
    return True


def _write_file(table: Table, file: Path, kind: str) -> None:
    writer: Any
    if kind == ".csv":
        writer = pa_csv.CSVWriter(file, table.schema)
    else:
        writer = pq.ParquetWriter(file, table.schema, compression="zstd")
    with writer:
        for batch in table.batches():
            writer.write_batch(batch)


def _export_parts(table: Table, target: Target, folder: Path) -> bool:
    """Add the new parts, swap the manifest, remove the old parts."""
    if not table.sha256:
        with TableWriter(folder / "table", table.schema, table.target, table.task) as writer:
            for batch in table.batches():
                writer.write(batch)
        table = open_table(folder / "table")
    old, there = _manifest(target), target.sizes()
    new = json.loads((table.path / MANIFEST).read_text(encoding="utf-8"))
    files = {}
    for index, part in enumerate(new["parts"]):
        name = PART.format(index, part["sha256"])
        files[name] = table.path / Path(part["file"]).name
        part["file"] = name
    whole = all(there.get(part["file"]) == part["bytes"] for part in new["parts"])
    if whole and old == new:
        return False
    manifest = folder / "manifest"
    manifest.write_text(json.dumps(new, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _swap(target, files, manifest, set(there))
    parts = {Path(str(part["file"])).name for part in old.get("parts", [])}
    # An export that was killed left parts that no manifest names; a reader of all files sees them.
    parts.update(filter(PARTS.fullmatch, there))
    # They are not left over if another export has named them meanwhile.
    if _manifest(target) == new:
        for name in sorted(parts - files.keys()):
            target.delete(name)
    return True


def _swap(target: Target, files: dict[str, Path], manifest: Path, there: set[str]) -> None:
    added = []
    try:
        for name, file in files.items():
            if name not in there:
                added.append(name)
            target.put(name, file)
        _require_all(target, files)
        target.put(MANIFEST, manifest)
        _require_all(target, files)
    except BaseException:
        # The answer alone may have been lost: a manifest that is there stays, with its parts.
        if target.read(MANIFEST) != manifest.read_bytes():
            for name in added:
                with suppress(InputError):
                    target.delete(name)
        raise


def _require_all(target: Target, files: dict[str, Path]) -> None:
    """Refuse to name parts that another export of other rows has taken for left over."""
    gone = sorted(files.keys() - target.sizes().keys())
    if gone:
        raise InputError(
            f"`uri` must be written by one step at a time. Found: another one removed {gone[:3]}. "
            f"Run this step again."
        )


def _manifest(target: Target) -> dict[str, Any]:
    """Return the manifest that is there, empty if there is none of ours."""
    try:
        found = read_json(target.read(MANIFEST) or b"{}")
        _ = [part["file"] for part in found.get("parts", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return dict(found)
