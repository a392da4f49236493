"""Change a schema as people ask for in YAML."""

from typing import Annotated

import numpy as np
from pydantic import Field
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, FeatureComparator, FeatureType, Schema

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.validation.schema import SENSITIVE, named_domains, string_domain

Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, le=1)]


class Comparator(Document):
    """How far a column may move: the greatest distance that is still accepted."""

    l_infinity: Threshold | None = None
    jensen_shannon: Threshold | None = None


class ColumnChanges(Document):
    """What is to change about one column; what is not named stays as it is."""

    required_share: Share | None = None
    # As they are: a whole number may be too long for a float.
    min: int | float | None = None
    max: int | float | None = None
    domain: list[str] | None = None
    add_to_domain: list[str] = Field(default=[])
    min_domain_mass: Share | None = None
    not_in: list[str] | None = None
    sensitive: bool | None = None
    drift: Comparator | None = None
    skew: Comparator | None = None
    remove: bool = False


class Changes(Document):
    """What is to change about a schema."""

    environments: list[str] | None = None
    columns: dict[str, ColumnChanges] = Field(default={})


def update_schema(schema: Schema, changes: str) -> Schema:
    """Return a changed copy of a schema.

    Raises:
        InputError: The changes are not of the grammar, or do not fit the schema.
    """
    wanted = read_document(changes, Changes, "changes")
    updated = Schema()
    updated.CopyFrom(schema)
    if wanted.environments is not None:
        updated.default_environment[:] = wanted.environments
    features = {feature.name: feature for feature in updated.feature}
    for name, change in wanted.columns.items():
        if name not in features:
            raise InputError(
                f"`changes` must name columns of the schema. Found: {name!r}, which is not among "
                f"{sorted(features)[:30]}. Check the spelling; case counts."
            )
        if change.remove:
            updated.feature.remove(features[name])
            continue
        _change_values(features[name], change, updated)
        _change_presence(features[name], change, updated)
        _compare(features[name], features[name].drift_comparator, change.drift)
        _compare(features[name], features[name].skew_comparator, change.skew)
    return updated


def _change_presence(feature: Feature, change: ColumnChanges, schema: Schema) -> None:
    if change.required_share is not None:
        feature.presence.min_fraction = change.required_share
        if not change.required_share:
            # Otherwise TFDV goes on to ask for one value at least.
            feature.presence.min_count = 0
        if feature.HasField("shape") and change.required_share < 1:
            # A fixed shape allows no missing value; one value in each row that has any does.
            feature.ClearField("shape")
            feature.value_count.min = feature.value_count.max = 1
    if change.not_in is not None:
        unknown = sorted(set(change.not_in) - set(schema.default_environment))
        if unknown:
            raise InputError(
                f"`changes` must list the environments that it uses. Found: {unknown} at "
                f"{feature.name!r}, not among {list(schema.default_environment)}. Add them under "
                f"`environments`."
            )
        feature.not_in_environment[:] = change.not_in
    if change.sensitive is not None:
        others = [tag for tag in feature.annotation.tag if tag != SENSITIVE]
        feature.annotation.tag[:] = [*others, *([SENSITIVE] if change.sensitive else [])]


def _change_values(feature: Feature, change: ColumnChanges, schema: Schema) -> None:
    if change.min is not None or change.max is not None:
        _set_bounds(feature, change)
    if change.domain is not None or change.add_to_domain:
        _require(feature, feature.type == FeatureType.BYTES, "text", "a domain")
        known = string_domain(feature, named_domains(schema)) or []
        values = [*(known if change.domain is None else change.domain), *change.add_to_domain]
        # Of its own: a domain that other columns name stays as it is.
        feature.ClearField("domain")
        feature.string_domain.value[:] = list(dict.fromkeys(values))
        feature.string_domain.name = feature.name
    if change.min_domain_mass is not None:
        has = feature.WhichOneof("domain_info") in ("domain", "string_domain")
        _require(feature, has, "columns with a domain", "min_domain_mass")
        # A share that is just the least must pass, however TFDV rounds.
        least = change.min_domain_mass - (1e-9 if 0 < change.min_domain_mass < 1 else 0)
        feature.distribution_constraints.min_domain_mass = least


def _set_bounds(feature: Feature, change: ColumnChanges) -> None:
    numeric = feature.type in (FeatureType.INT, FeatureType.FLOAT)
    _require(feature, numeric, "numbers", "bounds")
    whole = feature.type == FeatureType.INT
    domain = feature.int_domain if whole else feature.float_domain
    for name in ("min", "max"):
        value = getattr(change, name)
        if value is not None:
            fits = not whole or (value == int(value) and -(2**63) <= value < 2**63)
            _require(feature, fits, "whole numbers of 64 bits", f"{name} {value}")
            setattr(domain, name, int(value) if whole else _outward(value, name))
    if domain.HasField("min") and domain.HasField("max") and domain.min > domain.max:
        raise InputError(
            f"`changes` must give {feature.name!r} a `min` that is not above its `max`. Found: "
            f"{domain.min} and {domain.max}. Exchange them."
        )


def _outward(bound: float, name: str) -> float:
    """Return the nearest bound of 32 bits, which is what a schema holds, that lets `bound` pass."""
    short = float(np.float32(bound))
    inside = short <= bound if name == "min" else short >= bound
    beyond = np.float32(-np.inf if name == "min" else np.inf)
    return short if inside else float(np.nextafter(np.float32(bound), beyond))


def _require(feature: Feature, holds: bool, kind: str, what: str) -> None:
    if not holds:
        raise InputError(
            f"`changes` gives column {feature.name!r} {what}, which are for {kind}. Found: "
            f"{FeatureType.Name(feature.type)}. Leave that out, or read the column as {kind}."
        )


def _compare(feature: Feature, comparator: FeatureComparator, wanted: Comparator | None) -> None:
    if wanted and wanted.l_infinity is not None:
        # TFDV would pass over a column of numbers without a word.
        _require(feature, feature.type == FeatureType.BYTES, "text", "l_infinity")
        comparator.infinity_norm.threshold = wanted.l_infinity
    if wanted and wanted.jensen_shannon is not None:
        comparator.jensen_shannon_divergence.threshold = wanted.jensen_shannon
