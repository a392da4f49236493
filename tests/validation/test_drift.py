"""Drift from a baseline and skew from serving: by the index, by TFDV's distances, by schema."""

from math import log

import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.profiles.profile import profile_batches
from holdfast.profiles.stability import population_stability_index

# Deciles of 1..10 are 2..10: each value is a bucket of its own but for the lowest two.
TENTHS = list(range(1, 11)) * 10


def index(now, before):
    columns = [pa.table({"a": values}) for values in (now, before)]
    profiles = [profile_batches(t.schema, t.to_batches()) for t in columns]
    return population_stability_index(*(profile.columns["a"] for profile in profiles))


def found(verdict):
    return [(r.code, r.subject, r.effect) for r in verdict.reasons]


# The index itself.


@pytest.mark.parametrize("values", [TENTHS, ["a", "b", None], [True, False], [None, 1.5]], ids=str)
def test_what_has_not_changed_has_index_zero(values):
    assert index(values, values) == 0


def test_the_index_of_text_is_the_sum_over_its_values():
    now, before = ["a"] * 8 + ["b"] * 2, ["a"] * 5 + ["b"] * 5
    expected = (0.8 - 0.5) * log(0.8 / 0.5) + (0.2 - 0.5) * log(0.2 / 0.5)
    assert index(now, before) == pytest.approx(expected)


def test_new_text_and_missing_values_are_buckets_of_their_own():
    now, before = ["a", "a", "new", None], ["a"] * 4
    expected = (0.5 - 1) * log(0.5) + 2 * (0.25 - 1e-4) * log(0.25 / 1e-4)
    assert index(now, before) == pytest.approx(expected)


def test_the_index_of_numbers_is_the_sum_over_the_baselines_deciles():
    # Deciles of 1..4: 1, 2, 3, 4. Half of each now where a quarter was.
    now, before = [1, 1, 2, 2], [1, 2, 3, 4]
    expected = 2 * (0.5 - 0.25) * log(2) + 2 * (1e-4 - 0.25) * log(1e-4 / 0.25)
    assert index(now, before) == pytest.approx(expected)


def test_numbers_against_text_have_no_index():
    assert index([1, 2], ["a", "b"]) != index([1, 2], ["a", "b"])


# Without rules.


def test_every_column_that_moved_by_more_than_a_quarter_warns(judge, profile_of):
    before = profile_of({"n": TENTHS, "s": ["a", "b"] * 50, "t": ["x"] * 100})
    now = {"n": [n + 5 for n in TENTHS], "s": ["a"] * 90 + ["b"] * 10, "t": ["x"] * 100}
    verdict = judge(now, baseline=before)
    assert verdict.decision == "warn"
    assert found(verdict) == [
        ("population_stability_index", "n", "warn"),
        ("population_stability_index", "s", "warn"),
    ]
    # 0.4 log 1.8 - 0.4 log 0.2
    assert verdict.reasons[1].observed == "population stability index 0.879"
    assert verdict.reasons[1].expected == "population stability index at most 0.25"


def test_a_column_that_moved_by_less_passes(judge, profile_of):
    before = profile_of({"s": ["a", "b"] * 50})
    # 0.2 log 1.4 - 0.2 log 0.6 = 0.169
    assert judge({"s": ["a"] * 70 + ["b"] * 30}, baseline=before).decision == "pass"


def test_a_column_that_became_text_is_drift_even_where_no_schema_says_so(
    judge, profile_of, tmp_path
):
    (tmp_path / "empty").touch()
    before = profile_of({"n": [1, 2]})
    verdict = judge({"n": ["1", "2"]}, schema=str(tmp_path / "empty"), baseline=before)
    assert ("population_stability_index", "n", "warn") in found(verdict)
    assert verdict.reasons[0].observed == "string instead of int64"


def test_a_new_column_is_no_drift(judge, profile_of):
    assert judge({"n": [1], "new": [1]}, baseline=profile_of({"n": [1]})).decision == "pass"


# With rules.


def rules(measure, limit, more=""):
    return f"rules: [{{rule: drift, measure: {measure}, max: {limit}{more}}}]"


@pytest.mark.parametrize(
    ("measure", "distance"),
    # L-infinity of (0.8, 0.2) from (0.5, 0.5); Jensen-Shannon divergence in bits.
    [("l_infinity", 0.3), ("jensen_shannon", 0.073), ("population_stability_index", 0.416)],
)
@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_a_rule_on_drift_tells_what_moved_further(judge, profile_of, measure, distance, policy):
    now, before = {"s": ["a"] * 8 + ["b"] * 2}, profile_of({"s": ["a"] * 5 + ["b"] * 5})
    for limit, told in ((distance - 0.01, True), (distance + 0.01, False)):
        text = rules(measure, limit, f", policy: {policy}")
        verdict = judge(now, baseline=before, expectations=text)
        assert found(verdict) == ([(measure, "s", policy)] if told else [])
        assert verdict.decision == (policy if told else "pass")


def test_jensen_shannon_is_for_numbers_too(judge, profile_of):
    before = profile_of({"n": TENTHS, "f": [n / 2 for n in TENTHS]})
    now = {"n": [n + 20 for n in TENTHS], "f": [n / 2 for n in TENTHS]}
    verdict = judge(now, baseline=before, expectations=rules("jensen_shannon", 0.1))
    assert found(verdict) == [("jensen_shannon", "n", "fail")]


def test_a_rule_is_for_the_columns_it_names(judge, profile_of):
    before = profile_of({"s": ["a"] * 4, "t": ["a"] * 4})
    now = {"s": ["b"] * 4, "t": ["b"] * 4}
    for measure in ("l_infinity", "jensen_shannon", "population_stability_index"):
        text = rules(measure, 0.1, ", columns: [t]")
        assert found(judge(now, baseline=before, expectations=text)) == [(measure, "t", "fail")]


def test_two_rules_on_one_column_are_both_judged(judge, profile_of):
    before = profile_of({"s": ["a"] * 5 + ["b"] * 5})
    text = (
        "rules: [{rule: drift, measure: l_infinity, max: 0.1, policy: warn},"
        " {rule: drift, measure: l_infinity, max: 0.9}]"
    )
    verdict = judge({"s": ["a"] * 8 + ["b"] * 2}, baseline=before, expectations=text)
    assert found(verdict) == [("l_infinity", "s", "warn")]


def test_a_rule_by_tfdv_needs_no_schema(judge, profile_of, tmp_path):
    (tmp_path / "empty").touch()
    verdict = judge(
        {"s": ["b"]}, schema=str(tmp_path / "empty"), baseline=profile_of({"s": ["a"]}),
        expectations=rules("l_infinity", 0.1),
    )  # fmt: skip
    assert verdict.decision == "fail"


def test_l_infinity_of_numbers_is_refused_where_a_rule_names_them(judge, profile_of):
    with pytest.raises(InputError, match="l_infinity of column 'n', which needs text"):
        judge({"n": [1]}, expectations=rules("l_infinity", 0.1, ", columns: [n]"))


@pytest.mark.parametrize("measure", ["l_infinity", "jensen_shannon", "population_stability_index"])
def test_a_named_column_that_the_baseline_lacks_has_no_baseline(judge, profile_of, measure):
    text = rules(measure, 0.1, ", columns: [s]")
    verdict = judge({"s": ["a"], "n": [1]}, baseline=profile_of({"n": [1]}), expectations=text)
    assert verdict.decision == "no_baseline"
    assert found(verdict) == [("no_baseline", "s", "no_baseline")]


def test_a_rule_without_a_baseline_is_no_baseline(judge):
    verdict = judge({"n": [1]}, expectations=rules("population_stability_index", 0.1))
    assert verdict.decision == "no_baseline"


@pytest.mark.parametrize("measure", ["l_infinity", "jensen_shannon", "population_stability_index"])
def test_drift_of_a_sensitive_column_names_no_value(validation, profile_of, measure):
    before = profile_of({"s": ["was secret"] * 4})
    result = validation(
        {"s": ["is secret"] * 4}, baseline=before, sensitive=("s",),
        expectations=rules(measure, 0.1),
    )  # fmt: skip
    assert result.verdict.decision == "fail"
    shown = str(result.verdict) + result.report.html() + result.report.markdown()
    assert "secret" not in shown


# By the schema's comparators.


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("s", "columns: {s: {drift: {l_infinity: 0.29}}}"),
        ("s", "columns: {s: {drift: {jensen_shannon: 0.06}}}"),
        ("n", "columns: {n: {drift: {jensen_shannon: 0.1}}}"),
    ],
)
def test_the_schemas_drift_comparators_are_honoured(judge, profile_of, column, changes):
    # Small enough for the default index to keep silent about.
    quiet = rules("population_stability_index", 100)
    before = profile_of({"s": ["a"] * 5 + ["b"] * 5, "n": list(range(10))})
    now = {"s": ["a"] * 8 + ["b"] * 2, "n": [n + 50 for n in range(10)]}
    verdict = judge(now, changes=changes, baseline=before, expectations=quiet)
    assert [(r.subject, r.effect) for r in verdict.reasons] == [(column, "fail")]
    assert judge(now, baseline=before, expectations=quiet).decision == "pass"


def test_skew_is_judged_against_serving(judge, profile_of):
    serving = profile_of({"s": ["a"] * 5 + ["b"] * 5})
    now = {"s": ["a"] * 8 + ["b"] * 2}
    for limit, decision in (("0.29", "fail"), ("0.31", "pass")):
        changes = f"columns: {{s: {{skew: {{l_infinity: {limit}}}}}}}"
        assert judge(now, changes=changes, serving=serving).decision == decision


def test_the_policy_of_an_anomaly_is_for_the_schemas_comparators(judge, profile_of):
    verdict = judge(
        {"s": ["a"] * 8 + ["b"] * 2}, changes="columns: {s: {skew: {l_infinity: 0.1}}}",
        serving=profile_of({"s": ["a"] * 5 + ["b"] * 5}),
        expectations="policies: {comparator_l_infty_high: warn}",
    )  # fmt: skip
    assert verdict.decision == "warn"
