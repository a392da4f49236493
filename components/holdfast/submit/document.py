"""A file of schedules that people write and keep in git."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from holdfast import ir
from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.kubeflow.parameters import checked
from holdfast.submit.pipelines import upload_of
from holdfast.submit.schedules import COMMAND_LINE, Schedule
from holdfast.submit.triggers import trigger

MOST_BYTES = 1024 * 1024


class Entry(Document):
    """One schedule; `pipeline` is a name of `holdfast list`, or a path from the file's folder."""

    name: str
    pipeline: str
    cron: str = ""
    every: str = ""
    start: datetime | str = ""
    end: datetime | str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    experiment: str = ""
    max_concurrency: int = 1
    catchup: bool = True
    enabled: bool = True


class Schedules(Document):
    """All schedules of an owner in a namespace."""

    owner: str
    namespace: str = ""
    experiment: str = "Default"
    schedules: list[Entry]


def read(file: Path, resolve: Callable[[str], Path]) -> tuple[Schedules, list[Schedule]]:
    """Return the file and its schedules, all checked against what their pipelines take.

    Args:
        file: The YAML.
        resolve: Gives the compiled YAML of a pipeline's name.

    Raises:
        InputError: Something in it cannot be; the message names the schedule.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InputError(
                f"{file} must be a list of schedules. Found: {file.stat().st_size:,} bytes."
            )
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--file must be a YAML file. Found: {error}.") from error
    document = read_document(text, Schedules, str(file))
    if document.owner == COMMAND_LINE:
        raise InputError(f"`owner` must not be {COMMAND_LINE}, which is nobody's file's.")
    found: dict[str, Schedule] = {}
    for entry in document.schedules:
        if entry.name.casefold() in found:
            raise InputError(
                f"`schedules` must have names that differ by more than case. Found: "
                f"{entry.name!r} twice. Rename one."
            )
        try:
            found[entry.name.casefold()] = _schedule(entry, document, file.parent, resolve)
        except InputError as error:
            raise InputError(f"schedule {entry.name!r}: {error}") from error
    return document, list(found.values())


def _schedule(
    entry: Entry, document: Schedules, folder: Path, resolve: Callable[[str], Path]
) -> Schedule:
    beside = folder / entry.pipeline
    compiled = ir.read(beside if beside.is_file() else resolve(entry.pipeline))
    schedule = Schedule(
        name=entry.name,
        upload=upload_of(compiled),
        parameters=checked(compiled.pipeline, entry.parameters),
        trigger=trigger(entry.cron, entry.every, entry.start, entry.end),
        experiment=entry.experiment or document.experiment,
        owner=document.owner,
        max_concurrency=entry.max_concurrency,
        catchup=entry.catchup,
        enabled=entry.enabled,
    )
    schedule.check()
    return schedule
