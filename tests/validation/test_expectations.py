"""The grammar of expectations: what is wrong is told before any data is read."""

import pytest

from holdfast.errors import InputError
from holdfast.validation.expectations import read_expectations

COLUMNS = ["id", "fare", "zip"]


def read(text, reference=None):
    return read_expectations(text, COLUMNS, reference)


def refused(text, match, reference=None):
    with pytest.raises(InputError, match=rf"(?s)`(expectations|reference)` .*{match}"):
        read(text, reference)


def test_no_text_expects_nothing():
    assert (read("").policies, read("").rules) == ({}, [])


def test_every_rule_of_the_documented_example_is_read():
    text = """
    policies:
      schema_new_column: fail
      enum_type_unexpected_string_values: quarantine
    rules:
      - {rule: unique, columns: [id], policy: quarantine}
      - {rule: condition, sql: "fare <= id", policy: quarantine}
      - {rule: matches, column: zip, pattern: "[0-9]{5}"}
      - {rule: exists_in_reference, columns: [id], reference_columns: [key]}
      - {rule: row_count, min: 1000}
      - {rule: mean, column: fare, min: 5, max: 30, policy: warn}
      - {rule: std_dev, column: fare, min: 0.5}
      - {rule: missing, column: fare, max: 0.1}
      - {rule: distinct, column: fare, min: 2}
      - {rule: quantile, column: fare, share: 0.99, max: 200}
      - {rule: fresh, column: id, hours: 24}
      - {rule: drift, measure: population_stability_index, max: 0.2, columns: [fare]}
    """
    found = read(text, ["key"])
    assert [rule.rule for rule in found.rules] == [
        "unique", "condition", "matches", "exists_in_reference", "row_count", "mean", "std_dev",
        "missing", "distinct", "quantile", "fresh", "drift",
    ]  # fmt: skip
    assert found.rules[4].policy == "fail"


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        ("{rule: uniqe, columns: [id]}", "rules.0: .*'uniqe' found using 'rule' does not match"),
        ("{columns: [id]}", "rules.0: Unable to extract tag"),
        ("{rule: unique, column: id}", r"rules.0.unique.columns: Field required"),
        ("{rule: unique, columns: id}", r"rules.0.unique.columns: .*valid list"),
        ("{rule: unique, columns: []}", r"rules.0.unique.columns: .*at least 1 item"),
        ("{rule: unique, columns: [id], polcy: warn}", r"rules.0.unique.polcy: Extra inputs"),
        ("{rule: unique, columns: [id], policy: ignore}", r"policy: .*'fail', 'warn' or 'quar"),
        ("{rule: mean, column: fare}", "rules.0.mean: .*min or max is needed"),
        ("{rule: mean, column: fare, min: 2, max: 1}", "rules.0.mean: .*min is above max"),
        ("{rule: mean, column: fare, min: '2'}", "rules.0.mean.min"),
        ("{rule: mean, column: fare, min: 1, policy: quarantine}", "mean.policy: .*'fail' or 'wa"),
        ("{rule: quantile, column: fare, share: 1.5, max: 1}", "quantile.share: .*less than or eq"),
        ("{rule: quantile, column: fare, max: 1}", "quantile.share: Field required"),
        ("{rule: fresh, column: fare, hours: 0}", "fresh.hours: .*greater than 0"),
        ("{rule: drift, measure: psi, max: 1}", "drift.measure: .*'l_infinity'"),
        ("{rule: drift, measure: l_infinity}", "drift.max: Field required"),
        ("{rule: condition}", "condition.sql: Field required"),
        ("unique", "rules.0"),
    ],
)
def test_a_rule_that_is_not_of_the_grammar_is_told_with_its_place(rule, match):
    refused(f"rules: [{rule}]", match)


def test_a_look_up_needs_as_many_columns_on_both_sides():
    rule = "{rule: exists_in_reference, columns: [id, zip], reference_columns: [key]}"
    refused(f"rules: [{rule}]", "columns and reference_columns must be as many", ["key"])


def test_a_look_up_without_a_reference_is_refused():
    rule = "{rule: exists_in_reference, columns: [id], reference_columns: [key]}"
    refused(f"rules: [{rule}]", "must be given for the rule exists_in_reference")


def test_a_look_up_of_a_column_that_the_reference_lacks_is_refused():
    rule = "{rule: exists_in_reference, columns: [id], reference_columns: [kye]}"
    refused(f"rules: [{rule}]", r"columns of `reference`\. Found: \['kye'\]", ["key"])


@pytest.mark.parametrize(
    "rule",
    [
        "{rule: unique, columns: [id, Id]}",
        "{rule: mean, column: Id, min: 0}",
        "{rule: matches, column: Id, pattern: x}",
        "{rule: fresh, column: Id, hours: 1}",
        "{rule: drift, measure: l_infinity, max: 0.1, columns: [Id]}",
    ],
)
def test_a_column_that_the_table_lacks_is_refused_and_case_counts(rule):
    refused(f"rules: [{rule}]", r"columns of the table\. Found: \['Id'\].*case counts")


def test_rows_cannot_be_set_aside_for_an_anomaly_that_no_row_is_to_blame_for():
    refused("policies: {schema_new_column: quarantine}", "can quarantine rows only for .*'schema_n")


@pytest.mark.parametrize("code", ["schema_new_colum", "SCHEMA_NEW_COLUMN", "domain", ""])
def test_a_policy_for_an_anomaly_that_tfdv_does_not_know_is_refused(code):
    refused(f"policies: {{'{code}': warn}}", "policies to anomalies of TFDV.*Found")


def test_a_policy_that_is_none_is_refused():
    refused("policies: {schema_new_column: ignore}", r"policies.schema_new_column: .*'fail'")


def test_a_table_of_10_000_columns_and_as_many_rules_is_read():
    names = [f"c{n}" for n in range(10_000)]
    rules = "\n".join(f"- {{rule: missing, column: c{n}, max: 0.1}}" for n in range(2000))
    assert len(read_expectations(f"rules:\n{rules}", names, None).rules) == 2000
