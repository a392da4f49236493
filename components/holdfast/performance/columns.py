"""How a table of predictions names its columns, and says what they mean.

What predicts writes the task and the classes into the Arrow schema, so that a table of predictions
tells by itself how it is to be read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.reading import read_json
from holdfast.table import Task

PREDICTION = "prediction"
PROBABILITY = "probability_"
MODEL_NAME, MODEL_VERSION = "model_name", "model_version"
DATA_SHA256, PREDICTED_AT = "data_sha256", "predicted_at"
_KEY = b"holdfast.predictions"


@dataclass(frozen=True)
class PredictionColumns:
    """The meaning of a table of predictions; `classes` are in the order of `probabilities`.

    Both are empty for regression. `target` is the model's target, which the table need not hold.
    """

    task: Task
    target: str
    classes: tuple[Any, ...] = ()

    @property
    def probabilities(self) -> list[str]:
        """The columns with the probability of each class."""
        return [f"{PROBABILITY}{label}" for label in self.classes]

    def attach(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema with this meaning written into it."""
        text = json.dumps(
            {"task": self.task, "target": self.target, "classes": list(self.classes)},
            sort_keys=True,
        )
        return schema.with_metadata({**(schema.metadata or {}), _KEY: text.encode()})


def columns_of(schema: pa.Schema, name: str, classes: Sequence[Any] = ()) -> PredictionColumns:
    """Return what a table of predictions says of its columns.

    Args:
        schema: Of the table.
        name: The input's name, for error messages.
        classes: The classes that are expected; none to take what is said.

    Raises:
        InputError: The table says nothing, lacks one of the columns, or is of other classes.
    """
    said = (schema.metadata or {}).get(_KEY)
    if said is None:
        raise InputError(
            f"`{name}` must be a table of predictions. Found: columns {schema.names[:20]}, and "
            f"nothing that says what they mean. Make it with batch_predict."
        )
    found = _read(said, name)
    lacking = [c for c in (PREDICTION, *found.probabilities) if c not in schema.names]
    if lacking or (classes and found.classes != tuple(classes)):
        raise InputError(
            f"`{name}` must hold the predictions of the same model, with the columns that it "
            f"names. Found: the classes {list(found.classes)}, and it lacks {lacking}. Pass what "
            f"batch_predict wrote, all its columns."
        )
    return found


def _read(said: bytes, name: str) -> PredictionColumns:
    try:
        document = read_json(said)
        found = PredictionColumns(
            document["task"], str(document["target"]), tuple(document["classes"])
        )
        if found.task not in ("classification", "regression"):
            raise ValueError(f"the task {found.task!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"`{name}` must be a table of predictions. Found: a note of what its columns mean that "
            f"could not be read ({error}). Make it with batch_predict."
        ) from error
    return found
