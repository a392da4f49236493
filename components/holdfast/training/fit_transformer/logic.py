"""Fit the transformer that training and serving share."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.documents import read_document
from holdfast.errors import InputError
from holdfast.model import Model, ModelInfo, feature_frame, kind_of
from holdfast.table import Table
from holdfast.training.features import fit_steps
from holdfast.training.fit_transformer.grammar import Categorical, Features
from holdfast.training.fit_transformer.numbers import check_numbers
from holdfast.training.fit_transformer.plan import (
    MOST_LEVELS,
    Group,
    Plan,
    make_plan,
    require_columns,
)
from holdfast.training.fit_transformer.remarks import count_levels, make_remarks
from holdfast.training.fit_transformer.steps import make_steps

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def fit_transformer(train: Table, min_frequency: int, features: str = "") -> Model:
    """Fit a transformer to the features of a table.

    What `features` does not name is inferred from its type. Numbers and booleans pass as they are,
    missing values too: gradient boosting splits on them. Text becomes ordinal codes, which trees
    split as well as indicator columns at a fraction of the width; unknown text is -1, missing text
    is missing. Dates become their parts. Columns of other types are dropped, and so is text of more
    than 100,000 values.

    Args:
        train: A table with a target.
        min_frequency: Text values in fewer rows share one code.
        features: Steps as YAML (grammar.py), or nothing.

    Raises:
        InputError: No target, no usable feature, a locked holdout, the frequency is below 1, or
            `features` is not of the grammar or does not fit the table.
    """
    train.require_trainable("train")
    target = train.require_target("train")
    if min_frequency < 1:
        raise InputError(f"`min_frequency` must be at least 1. Found: {min_frequency}.")
    document = read_document(features, Features, "features")
    plan = make_plan(document, train, min_frequency)
    rows = train.read([*_columns(plan, train), target])
    _require_rows(rows)
    plan = _without_wide(plan, rows, train)
    info = _describe(plan, train)
    info = replace(info, remarks=make_remarks(rows, info.features, train))
    frame = feature_frame(rows, info.features)
    check_numbers(plan, frame)
    steps = make_steps(plan, train.task)
    fit_steps(steps, frame, rows.column(target).to_numpy(), train.task)
    _name_apart(steps)
    return Model(steps, info)


def _columns(plan: Plan, train: Table) -> list[str]:
    """Return the features that are read, in the table's order."""
    read = {name for group in plan.groups for name in group.columns}
    return [name for name in train.features if name in read]


def _require_rows(rows: pa.Table) -> None:
    if not rows.num_rows:
        raise InputError("`train` must hold rows. Found: none. Pass the training share of a split.")


def _without_wide(plan: Plan, rows: pa.Table, train: Table) -> Plan:
    """Drop inferred text of too many values, and refuse such a column where it is named."""
    groups, dropped = [], dict(plan.dropped)
    for group in plan.groups:
        wide = _wide_columns(group, rows)
        if wide and not group.inferred:
            raise InputError(
                f"`features` names {list(wide)[:10]} as categories, which may have {MOST_LEVELS} "
                f"different values. Found: {list(wide.values())[:10]}. Group rare values at the "
                f"source, read it under text, or drop it."
            )
        for name, levels in wide.items():
            dropped[name] = f"{levels} different values, more than {MOST_LEVELS}"
        groups.append(group.without(set(wide)))
    left = tuple(group for group in groups if group.columns)
    require_columns(left, train)
    return Plan(left, dropped, plan.seed)


def _wide_columns(group: Group, rows: pa.Table) -> dict[str, int]:
    """Return the columns of too many categories with their number."""
    if not isinstance(group.entry, Categorical) or rows.num_rows <= MOST_LEVELS:
        return {}
    levels = {name: count_levels(rows.column(name)) for name in group.columns}
    return {name: count for name, count in levels.items() if count > MOST_LEVELS}


def _describe(plan: Plan, train: Table) -> ModelInfo:
    features = tuple(_columns(plan, train))
    kinds = {name: kind_of(train.schema.field(name).type) for name in features}
    return ModelInfo(
        train.target,
        train.task,
        features,
        tuple(name for name in features if kinds[name] == "numbers"),
        plan.dropped,
        trained_on=train.sha256,
        holdout_sha256=train.holdout,
        temporal=tuple(name for name in features if kinds[name] == "dates"),
    )


def _name_apart(steps: "Pipeline") -> None:
    """Name the output features by their steps, too, where two would have one name."""
    try:
        steps.get_feature_names_out()
    except ValueError:
        steps["columns"].set_params(verbose_feature_names_out=True)
