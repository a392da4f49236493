"""Schemas as text proto: read, written and asked for what they expect of a column."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, FeatureType, Schema

from holdfast.errors import InputError
from holdfast.writing import write_text

CONTRACT = "schema/1"
# An annotation of a feature: its values are shown in no verdict and no report.
SENSITIVE = "sensitive"

Domains: TypeAlias = Mapping[str, Sequence[str]]


def read_schema(path: str | Path) -> Schema:
    """Read a text proto schema.

    Raises:
        InputError: The file is not a schema.
    """
    try:
        schema: Schema = text_format.Parse(Path(path).read_text(encoding="utf-8"), Schema())
    except (text_format.ParseError, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"`schema` must be a TensorFlow Metadata schema as text proto. Found: {error}. Make "
            f"one with infer_schema, or correct the line."
        ) from error
    names = [feature.name for feature in schema.feature]
    if len(set(names)) < len(names):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        raise InputError(
            f"`schema` must name each column once, or what one entry asks is lost. Found: "
            f"{twice[:10]} more than once. Keep one of them."
        )
    return schema


def write_schema(schema: Schema, path: str | Path) -> None:
    """Write a schema as text proto, which people edit and keep in git."""
    write_text(path, text_format.MessageToString(schema, as_utf8=True))


def metadata(schema: Schema) -> dict[str, object]:
    """Return what an artifact that holds this schema says about itself."""
    return {"holdfast_contract": CONTRACT, "columns": len(schema.feature)}


def named_domains(schema: Schema) -> Domains:
    """Return the domains that columns share by name."""
    return {domain.name: list(domain.value) for domain in schema.string_domain}


def string_domain(feature: Feature, named: Domains) -> Sequence[str] | None:
    """Return the strings that a column may hold; None where any will do."""
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    return named.get(feature.domain) if feature.HasField("domain") else None


def bounds(feature: Feature) -> tuple[float | None, float | None]:
    """Return the least and the greatest number that a column may hold; None for no bound."""
    kind = feature.WhichOneof("domain_info")
    if kind not in ("int_domain", "float_domain"):
        return None, None
    domain = getattr(feature, kind)
    return (
        domain.min if domain.HasField("min") else None,
        domain.max if domain.HasField("max") else None,
    )


def interval(low: float | None, high: float | None) -> str:
    """Say in words which numbers lie within bounds, one of which may be missing."""
    if low is None:
        return "any number" if high is None else f"at most {number(high)}"
    least = number(low)
    return f"at least {least}" if high is None else f"from {least} to {number(high)}"


def number(value: float) -> str:
    """Return a number as people write it; whole ones with all their digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def is_sensitive(feature: Feature) -> bool:
    """Tell whether the schema marks a column as sensitive."""
    return SENSITIVE in feature.annotation.tag


def constraints(feature: Feature, named: Domains) -> str:
    """Say in one line what the schema asks of a column."""
    parts = [FeatureType.Name(feature.type)]
    if feature.presence.min_fraction:
        parts.append(f"present in at least {feature.presence.min_fraction:.4g} of rows")
    known = string_domain(feature, named)
    if known is not None:
        share = feature.distribution_constraints.min_domain_mass
        parts.append(f"at least {share:.4g} of values out of {len(known)} known ones")
    low, high = bounds(feature)
    if low is not None or high is not None:
        parts.append(interval(low, high))
    if feature.not_in_environment:
        parts.append(f"not in {', '.join(feature.not_in_environment)}")
    return ", ".join(parts)
