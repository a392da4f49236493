"""The model that is served: what it needs, what it answers, and what is answered in its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, load_model
from holdfast.performance.answers import answers_of, finite_rows, output_of
from holdfast.reading import read_yaml_file
from holdfast.serving.predictor.quick import Quick, quicken
from holdfast.serving.predictor.signature import Column, RequestError, Signature, refuse

# What a library raises at rows that it can't take.
REFUSALS = (ValueError, TypeError, ArithmeticError, KeyError)


@dataclass(frozen=True)
class Answer:
    """What is answered to some rows, in order.

    `probabilities` holds a row of numbers for each row, in the order of the classes; None for a
    regression and for a constant. `fallback` is empty for the model's own answer, else constant or
    model; `cause` is then the type of the error that the model had.
    """

    predictions: list[Any]
    probabilities: list[list[float]] | None
    fallback: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Constant:
    """A fallback that answers every row alike."""

    value: Any
    kind = "constant"

    def answer(self, rows: pa.Table) -> Answer:
        """Answer some rows."""
        return Answer([self.value] * rows.num_rows, None, self.kind)


@dataclass(frozen=True)
class Second:
    """A fallback that is another model."""

    model: Model
    kind = "model"

    def answer(self, rows: pa.Table) -> Answer:
        """Answer some rows."""
        found = ask(self.model, rows)
        return Answer(found.predictions, found.probabilities, self.kind)


Fallback = Constant | Second


@dataclass(frozen=True)
class Served:
    """A model under the name and version that its answers carry."""

    name: str
    version: str
    model: Model
    signature: Signature
    fallback: Fallback | None = None
    quick: Quick | None = None

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels in the order of the probabilities; none for a regression."""
        return self.model.info.classes

    def answer(self, rows: pa.Table) -> Answer:
        """Answer rows that fit the signature.

        Where the model can't, the fallback does, if there is one.

        Raises:
            RequestError: The model can't answer these very values, and there is no fallback.
        """
        try:
            return ask(self.model, rows, self.quick)
        except Exception as error:
            if self.fallback:
                return replace(self.fallback.answer(rows), cause=type(error).__name__)
            if isinstance(error, REFUSALS):
                raise refuse(
                    f"The model can't answer these rows ({type(error).__name__}): a number too "
                    f"large for it, or outside of what a step of its transformer takes.",
                    "not_answerable",
                ) from None
            raise


def ask(model: Model, rows: pa.Table, quick: Quick | None = None) -> Answer:
    """Return a model's own answer, the same as in a batch; by the quick way if there is one.

    Raises:
        RequestError: An answer is not finite, which JSON can't say.
    """
    if quick:
        output = quick.output(rows)
    else:
        output = output_of(model, feature_frame(rows, model.info.features))
    if not finite_rows(output).all():
        raise refuse("The model's answer to these rows is not finite.", "not_answerable")
    answers = answers_of(model, output).tolist()
    return Answer(answers, output.tolist() if model.info.classes else None)


def load(
    folder: Path, name: str, version: str = "", fallback: str = "", max_rows: int = 10_000
) -> Served:
    """Load a model, and let it answer its own input example.

    Args:
        folder: An MLflow model directory, as training writes it.
        name: The name that it is served under.
        version: The version that answers carry; empty: the start of the model's own id.
        fallback: A second model's directory, or a constant as JSON or plain text; empty: none.
        max_rows: Rows that a request may hold.

    Raises:
        InputError: It is no such model, it does not answer its example, or the fallback does not
            fit it.
    """
    model = load_model(folder, "model-dir")
    example = read_example(folder, model)
    nullable = _nullable(model, example)
    columns = tuple(Column(name, model.info.kind_of(name), nullable[name]) for name in nullable)
    second = _read_fallback(fallback, model) if fallback else None
    if second:
        _require_answer(second, example)
    return Served(
        name,
        version or _model_id(folder),
        model,
        Signature(columns, max_rows),
        second,
        quicken(model, _unusual(example, nullable)),
    )


def read_example(folder: Path, model: Model) -> pa.Table:
    """Return the rows of the input example that a model came with.

    Raises:
        InputError: It has none.
    """
    try:
        text = (folder / "input_example.json").read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=lambda _: None)
        values = dict(zip(document["columns"], zip(*document["data"], strict=True), strict=True))
        columns = tuple(Column(name, model.info.kind_of(name)) for name in model.info.features)
        return Signature(columns, len(document["data"])).table(values)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, RequestError) as error:
        raise InputError(
            f"`model-dir` must hold the input example that a model is tried with before it is "
            f"ready. Found: {type(error).__name__}: {error}. Train the model again."
        ) from error


def _nullable(model: Model, example: pa.Table) -> dict[str, bool]:
    """Tell of each feature whether the model answers without it: it is asked, about its example."""
    try:
        ask(model, example)
    except Exception as error:
        raise InputError(
            f"`model-dir` must hold a model that answers its own input example. Found: "
            f"{type(error).__name__}: {error}. Train it again, in this release's images."
        ) from error
    row = example.slice(0, 1)
    names = model.info.features
    if _answers(model, pa.concat_tables([_without(row, name) for name in names])):
        return dict.fromkeys(names, True)
    return {name: _answers(model, _without(row, name)) for name in names}


def _unusual(example: pa.Table, nullable: Mapping[str, bool]) -> list[pa.Table]:
    """Return the example, one row of it, and that row without a value or with new text."""
    row = example.slice(0, 1)
    lacking = [_without(row, name) for name, can in nullable.items() if can]
    new = row
    for place, column in enumerate(row.schema):
        if column.type == pa.string():
            new = new.set_column(place, column, pa.array(["never seen before"]))
    return [example, row, *([pa.concat_tables(lacking)] if lacking else []), new]


def _without(row: pa.Table, name: str) -> pa.Table:
    place = row.schema.get_field_index(name)
    return row.set_column(place, row.schema.field(place), pa.nulls(1, row.schema.field(place).type))


def _answers(model: Model, rows: pa.Table) -> bool:
    try:
        ask(model, rows)
    except (RequestError, *REFUSALS):
        return False
    return True


def _read_fallback(text: str, model: Model) -> Fallback:
    if Path(text).is_dir():
        second = load_model(text, "fallback")
        known = {name: model.info.kind_of(name) for name in model.info.features}
        needed = {name: second.info.kind_of(name) for name in second.info.features}
        if not needed.items() <= known.items() or second.info.classes != model.info.classes:
            raise InputError(
                "`fallback` must be a model of the same classes that reads features of `model-dir` "
                f"alone. Found: the features {list(needed)[:10]} and the classes "
                f"{list(second.info.classes)[:10]}. Choose another, or a constant."
            )
        return Second(second)
    return Constant(_constant(text, model))


def _constant(text: str, model: Model) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    classes = model.info.classes
    # A class may be called 1, or be it.
    for candidate in (value, text) if classes else ():
        for label in classes:
            if type(label) is type(candidate) and label == candidate:
                return label
    if not classes and type(value) in (int, float):
        return float(value)
    raise InputError(
        f"`fallback` must be a model's directory or "
        f"{f'one of the classes {list(classes)[:10]}' if classes else 'a number'}. Found: {text!r}."
    )


def _require_answer(fallback: Fallback, example: pa.Table) -> None:
    try:
        fallback.answer(example)
    except Exception as error:
        raise InputError(
            f"`fallback` must be able to answer the input example of `model-dir`. Found: "
            f"{type(error).__name__}: {error}. Choose another, or a constant."
        ) from error


def _model_id(folder: Path) -> str:
    described = read_yaml_file(folder / "MLmodel")
    return str(described.get("model_uuid", ""))[:12]
