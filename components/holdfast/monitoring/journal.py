"""A journal in the tracking store: what a step must remember from one window to the next.

The journal NAME is the registered model NAME; each of its versions is one record, whose value is
JSON in the version's tags. MLflow numbers versions one after the other and gives a number once, so
a writer notes which number it saw last, and its record counts only if it got the next one: a
compare-and-swap without a lock. A writer that dies leaves a whole record or none.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.errors import MachineError
from holdfast.reading import read_json
from holdfast.tracking import ensure_registered

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# MLflow's SQL stores cut longer tags.
PART_LETTERS = 4000
PAGE = 1000
# How often a writer may come second before it gives up, and the seconds that it then waits at most.
TRIES = 30
LONGEST_WAIT = 2.0

Told = TypeVar("Told")
Change = Callable[[list[dict[str, Any]]], tuple[dict[str, Any] | None, Told]]


@dataclass(frozen=True)
class Journal:
    """The journal `name`.

    Of its records the newest `kept` stay, and at least two; 0 keeps all. `read` takes time with
    their number.
    """

    client: "MlflowClient"
    name: str
    kept: int = 0

    def read(self) -> list[dict[str, Any]]:
        """Return the values of all records that count, oldest first."""
        return self._values(self._versions())

    def change(self, decide: "Change[Told]", headline: str) -> Told:
        """Append what `decide` makes of the records, as if nobody else wrote meanwhile.

        Args:
            decide: From the values so far to the next one (None for none) and to what is returned.
                It is called again if another writer came first: it must have no other effect.
            headline: What the record is shown with in MLflow.

        Raises:
            MachineError: Others came first each time.
        """
        for attempt in range(TRIES):
            versions = self._versions()
            last = int(versions[-1].version) if versions else 0
            value, told = decide(self._values(versions))
            if value is None:
                return told
            if self._append(last, value, headline):
                self._prune(versions)
                return told
            # Who comes second takes a number, too: without a wait of chance, all may for ever.
            time.sleep(SystemRandom().uniform(0, min(LONGEST_WAIT, 0.05 * 2**attempt)))
        raise MachineError(
            f"The journal {self.name!r} in MLflow must take a record. Found: {TRIES} times another "
            f"step wrote first. Let fewer steps share the name, and run this one again."
        )

    def _append(self, last: int, value: dict[str, Any], headline: str) -> bool:
        text = json.dumps(value, sort_keys=True)
        parts = range(0, len(text), PART_LETTERS)
        tags = {f"value.{n:03d}": text[at : at + PART_LETTERS] for n, at in enumerate(parts)}
        ensure_registered(self.client, self.name)
        made = self.client.create_model_version(
            self.name,
            source="holdfast-journal:/none",  # MLflow wants one; there are no files
            tags={"after": str(last), **tags},
            description=headline,
            await_creation_for=0,
        )
        return int(made.version) == last + 1

    def _prune(self, versions: "list[ModelVersion]") -> None:
        from mlflow.exceptions import MlflowException

        old = versions[: 1 - max(2, self.kept)] if self.kept else []
        for version in old:
            try:
                self.client.delete_model_version(self.name, version.version)
            except MlflowException as error:
                # Another writer was faster.
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise

    def _versions(self) -> "list[ModelVersion]":
        """Return all records, oldest first."""
        found: list[ModelVersion] = []
        token = None
        while True:
            page = self.client.search_model_versions(
                f"name = '{self.name}'", max_results=PAGE, page_token=token
            )
            found.extend(page)
            token = page.token
            if not token:
                return sorted(found, key=lambda version: int(version.version))

    def _values(self, versions: "list[ModelVersion]") -> list[dict[str, Any]]:
        counted = (v for v in versions if int(v.version) == int(v.tags["after"]) + 1)
        return [_value(version.tags) for version in counted]


def _value(tags: dict[str, str]) -> dict[str, Any]:
    parts = sorted(name for name in tags if name.startswith("value."))
    value: dict[str, Any] = read_json("".join(tags[part] for part in parts))
    return value
