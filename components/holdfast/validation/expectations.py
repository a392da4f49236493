"""What a schema can't say about a table: rules in YAML, each with a policy.

The grammar, by example (README of validate_table):

    policies:                        # for TFDV's anomalies, by their code
      schema_new_column: fail
      enum_type_unexpected_string_values: quarantine
    rules:
      - {rule: unique, columns: [trip_id], policy: quarantine}
      - {rule: condition, sql: "pickup <= dropoff", policy: quarantine}
      - {rule: matches, column: zip, pattern: "[0-9]{5}"}
      - {rule: exists_in_reference, columns: [customer], reference_columns: [id]}
      - {rule: row_count, min: 1000}
      - {rule: mean, column: fare, min: 5, max: 30, policy: warn}
      - {rule: quantile, column: fare, share: 0.99, max: 200}
      - {rule: fresh, column: pickup, hours: 24}
      - {rule: drift, measure: population_stability_index, max: 0.2, columns: [fare]}
"""

from collections.abc import Sequence, Set
from typing import Annotated, Literal

from pydantic import Field, model_validator
from tensorflow_metadata.proto.v0.anomalies_pb2 import AnomalyInfo

from holdfast.documents import Document, read_document
from holdfast.errors import InputError

Policy = Literal["fail", "warn", "quarantine"]
Names = Annotated[list[str], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]

# TFDV's anomalies that single rows are to blame for, by the rule that finds these rows.
ROW_ANOMALIES = {
    "enum_type_unexpected_string_values": "domain",
    "int_type_small_int": "range",
    "int_type_big_int": "range",
    "float_type_small_float": "range",
    "float_type_big_float": "range",
    "feature_type_low_fraction_present": "presence",
    "feature_type_low_number_present": "presence",
    # A row of a flat table holds one value of a column, or none.
    "invalid_feature_shape": "presence",
}


class RowRule(Document):
    """A rule that each row keeps or breaks."""

    policy: Policy = "fail"


class Unique(RowRule):
    """No two rows have the same values in these columns; rows that lack one are not compared.

    Of rows that share a key, all but the first break the rule.
    """

    rule: Literal["unique"]
    columns: Names


class Condition(RowRule):
    """A DuckDB SQL condition on the columns of a row; as in SQL's CHECK, unknown is accepted."""

    rule: Literal["condition"]
    sql: str


class Matches(RowRule):
    """The whole value matches a regular expression (RE2); a missing value is accepted."""

    rule: Literal["matches"]
    column: str
    pattern: str


class ExistsInReference(RowRule):
    """The values are found together in a row of the reference table; missing ones are accepted."""

    rule: Literal["exists_in_reference"]
    columns: Names
    reference_columns: Names

    @model_validator(mode="after")
    def _are_as_many(self) -> "ExistsInReference":
        if len(self.columns) != len(self.reference_columns):
            raise ValueError("columns and reference_columns must be as many")
        return self


class TableRule(Document):
    """A rule that the table as a whole keeps or breaks."""

    policy: Literal["fail", "warn"] = "fail"


class Bounded(TableRule):
    """A number that lies within bounds, one of which may be left out."""

    # Whole numbers stay so: they are shown with all their digits.
    min: int | float | None = None
    max: int | float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Bounded":
        if self.min is None and self.max is None:
            raise ValueError("min or max is needed")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class RowCount(Bounded):
    """How many rows there are."""

    rule: Literal["row_count"]


class Statistic(Bounded):
    """A statistic of a column: `missing` is a share, `distinct` a count, the rest are values."""

    rule: Literal["mean", "std_dev", "missing", "distinct"]
    column: str


class Quantile(Bounded):
    """The value below which a share of a numeric column's values lies."""

    rule: Literal["quantile"]
    column: str
    share: Share


class Fresh(TableRule):
    """The latest time in a column is at most so many hours before the check."""

    rule: Literal["fresh"]
    column: str
    hours: Annotated[float, Field(gt=0)]


class Drift(TableRule):
    """Columns have not moved from the baseline by more than `max`; all columns if none is named.

    l_infinity is for text, jensen_shannon and population_stability_index for numbers and text.
    """

    rule: Literal["drift"]
    measure: Literal["l_infinity", "jensen_shannon", "population_stability_index"]
    max: Annotated[float, Field(gt=0)]
    columns: list[str] = Field(default=[])


Rule = Annotated[
    Unique
    | Condition
    | Matches
    | ExistsInReference
    | RowCount
    | Statistic
    | Quantile
    | Fresh
    | Drift,
    Field(discriminator="rule"),
]


class Expectations(Document):
    """What is expected of a table beside its schema, and what follows where it is not so."""

    policies: dict[str, Policy] = Field(default={})
    rules: list[Rule] = Field(default=[])


def read_expectations(
    text: str, columns: Sequence[str], reference_columns: Sequence[str] | None
) -> Expectations:
    """Read expectations and check that they fit the table.

    Args:
        text: YAML of the grammar above; empty for none.
        columns: Those of the table.
        reference_columns: Those of the reference table, None where there is none.

    Raises:
        InputError: The text is not of the grammar, or names a column that is not there.
    """
    found = read_document(text, Expectations, "expectations")
    for code, policy in found.policies.items():
        if code.upper() not in set(AnomalyInfo.Type.keys()) or not code.islower():
            raise InputError(
                f"`expectations` must give policies to anomalies of TFDV, such as "
                f"{sorted(ROW_ANOMALIES)}. Found: {code[:100]!r}. Take the code from a verdict."
            )
        if policy == "quarantine" and code not in ROW_ANOMALIES:
            raise InputError(
                f"`expectations` can quarantine rows only for anomalies that rows are to blame "
                f"for: {sorted(ROW_ANOMALIES)}. Found: {code!r}. Use fail or warn for it."
            )
    known, others = set(columns), set(reference_columns or ())
    for rule in found.rules:
        named = [*getattr(rule, "columns", []), *filter(None, [getattr(rule, "column", "")])]
        _check(named, known, f"rule {rule.rule}", "the table")
        if isinstance(rule, ExistsInReference):
            if reference_columns is None:
                raise InputError(
                    "`reference` must be given for the rule exists_in_reference. Found: no such "
                    "input. Pass the table whose values are looked up."
                )
            _check(rule.reference_columns, others, f"rule {rule.rule}", "`reference`")
    return found


def _check(named: Sequence[str], columns: Set[str], where: str, what: str) -> None:
    unknown = [name for name in named if name not in columns]
    if unknown:
        raise InputError(
            f"`expectations` must name columns of {what}. Found: {unknown} in {where}, not among "
            f"{sorted(columns)[:30]}. Check the spelling; case counts."
        )
