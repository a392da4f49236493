"""detect_drift: what has moved, what has not, and what can't be told."""

import json

import numpy as np
import pyarrow as pa
import pytest

from holdfast.drift.detect_drift import logic
from holdfast.drift.detector import read_detector
from holdfast.errors import InputError
from holdfast.profiles.profile import profile_table
from holdfast.table import open_table
from holdfast.verdict import read_verdict


def test_rows_of_the_same_population_pass(fit, detect, people):
    found = detect(people(seed=1), fit(people()))
    assert found.verdict.decision == "pass"
    assert not found.alarm
    assert not found.verdict.reasons


def test_a_shifted_number_fails_and_the_reason_says_what_by_how_much(fit, detect, people):
    found = detect(people(seed=1, shift=0.5), fit(people()))
    assert found.verdict.decision == "fail"
    assert found.alarm
    (reason,) = found.verdict.reasons
    assert (reason.code, reason.subject, reason.effect) == ("feature_drift", "age", "fail")
    assert reason.expected.startswith("below 0.1")
    assert "has moved" in reason.message


def test_many_rows_of_next_to_nothing_alarm_but_pass(fit, detect, people):
    """A shift of 0.03 deviations is seen in 100,000 rows, and does not matter."""
    detector = fit(people(100_000), rows=0)
    found = detect(people(100_000, seed=1, shift=0.03), detector, sample=0)
    assert found.alarm
    assert found.verdict.decision == "pass"
    assert not found.drift
    assert found.findings[0].effect.wasserstein == pytest.approx(0.03, abs=0.01)


def test_a_large_effect_that_chance_explains_passes(fit, detect, people):
    """Forty rows of the same population lie far off by chance."""
    found = detect(people(40, seed=3), fit(people()))
    assert max(finding.ratio for finding in found.findings) > 1
    assert found.verdict.decision == "pass"


def test_half_of_a_limit_is_a_warning(fit, detect, people):
    found = detect(people(20_000, seed=1, shift=0.07), fit(people(20_000)))
    assert found.verdict.decision == "warn"
    assert "is moving" in found.verdict.reasons[0].message


def test_features_prediction_and_target_are_told_apart(fit, detect, people, codes):
    def predicted(seed, share):
        generator = np.random.default_rng(seed)
        answers = np.array(["no", "yes"])[(generator.random(2000) < share).astype(int)]
        sure = {"probability_no": generator.random(2000), "probability_yes": np.zeros(2000)}
        return {**people(seed=seed), "y": answers, "prediction": answers, **sure}

    detector = fit(predicted(0, 0.3), classes=("no", "yes"))
    found = detect(predicted(1, 0.5), detector, classes=("no", "yes"))
    assert {code for code, _, _ in codes(found)} == {"prediction_drift", "target_drift"}
    assert found.scores["drifted_predictions"] == found.scores["drifted_targets"] == 1
    assert found.scores["drifted_features"] == 0
    late = {name: values for name, values in predicted(1, 0.3).items() if name != "y"}
    without_labels = detect(late, detector, classes=("no", "yes"))
    assert without_labels.verdict.decision == "pass"
    assert "target 'y' is not in the table" in without_labels.notes[0]


def test_predictions_beside_features_are_no_new_columns(fit, detect, people, codes):
    answers = {"prediction": np.zeros(2000), "model_version": np.ones(2000),
               "probability_a": np.zeros(2000), "probability_b": np.zeros(2000)}  # fmt: skip
    found = detect({**people(seed=1), **answers}, fit(people()), classes=("a", "b"))
    assert codes(found) == []
    assert "predictions are not judged" in found.notes[0]


def test_a_category_that_was_never_seen_is_drift(fit, detect, people, codes):
    rows = people(seed=1)
    rows["city"] = np.where(np.arange(2000) % 50 == 0, "Bonn", rows["city"])
    found = detect(rows, fit(people()))
    assert ("new_categories", "city", "fail") in codes(found)
    reason = next(r for r in found.verdict.reasons if r.code == "new_categories")
    assert reason.examples == ("Bonn",)
    assert reason.share == pytest.approx(0.02)


def test_a_few_rows_of_a_new_category_are_a_warning(fit, detect, people, codes):
    rows = people(20_000, seed=1)
    rows["city"] = np.where(np.arange(20_000) % 200 == 0, "Bonn", rows["city"])
    found = detect(rows, fit(people(20_000)), limits={"psi": 1, "jensen_shannon": 1})
    assert codes(found) == [("new_categories", "city", "warn")]


def test_names_that_are_all_different_are_expected_to_be_new(fit, detect, people):
    def named(seed):
        return {**people(seed=seed), "name": [f"{seed}-{n}" for n in range(2000)]}

    assert detect(named(1), fit(named(0))).verdict.decision == "pass"


def test_a_hundred_thousand_new_categories_are_drift_and_named_by_example(
    fit, detect, people, codes
):
    rows = people(100_000, seed=1)
    rows["city"] = [f"city {n}" for n in range(100_000)]
    found = detect(rows, fit(people()))
    assert ("new_categories", "city", "fail") in codes(found)
    assert ("feature_drift", "city", "fail") in codes(found)
    assert len(logic.page.report(found).html()) < 100_000


def test_more_missing_values_are_drift(fit, detect, people, codes):
    rows = people(seed=1)
    rows["age"] = np.where(np.arange(2000) % 10 == 0, np.nan, rows["age"])
    assert ("missing_values", "age", "fail") in codes(detect(rows, fit(people())))


def test_as_many_missing_values_as_before_are_none(fit, detect, people):
    def holes(seed):
        rows = people(seed=seed)
        gaps = np.random.default_rng(seed + 10).random(2000) < 0.3
        return {**rows, "age": np.where(gaps, np.nan, rows["age"])}

    found = detect(holes(1), fit(holes(0)))
    assert found.verdict.decision == "pass"
    assert np.isfinite(found.findings[0].p_value)


def test_missing_values_that_chance_explains_are_none(fit, detect, people):
    """Seven of forty are missing, where one of ten was: that happens once in nine times."""
    rows, few = people(), people(40, seed=1)
    rows["age"][::10] = few["age"][:7] = np.nan
    assert detect(few, fit(rows)).verdict.decision == "pass"


def test_nan_in_the_reference_does_not_hide_drift(fit, detect, people, codes):
    """Of a reference with NaN, Alibi Detect says p = NaN and no drift."""
    rows = people()
    rows["age"][0] = np.nan
    assert ("feature_drift", "age", "fail") in codes(detect(people(seed=1, shift=0.5), fit(rows)))


def test_values_out_of_range_are_drift(fit, detect, people, codes):
    rows = people(seed=1)
    rows["hours"] = np.where(np.arange(2000) % 40 == 0, 500, rows["hours"])
    found = detect(rows, fit(people()))
    reason = next(r for r in found.verdict.reasons if r.code == "out_of_range")
    assert (reason.subject, reason.effect, reason.expected) == ("hours", "fail", "20 to 59")


def test_the_number_of_rows_is_judged_where_one_is_expected(fit, detect, people, codes):
    detector = fit(people())
    assert codes(detect(people(seed=1), detector, expected_rows=2050)) == []
    assert codes(detect(people(seed=1), detector, expected_rows=3000)) == [
        ("volume", "current", "warn")
    ]
    assert codes(detect(people(seed=1), detector, expected_rows=900)) == [
        ("volume", "current", "fail")
    ]


def test_a_missing_column_a_new_one_and_another_type_are_findings(fit, detect, people, codes):
    rows = people(seed=1)
    rows["hours"] = [str(value) for value in rows["hours"]]
    del rows["city"]
    found = detect({**rows, "extra": np.zeros(2000)}, fit(people()))
    assert codes(found) == [
        ("type_changed", "hours", "fail"),
        ("column_missing", "city", "fail"),
        ("column_new", "extra", "warn"),
    ]
    assert [finding.judged.name for finding in found.findings] == ["age"]


def test_widths_of_numbers_and_coded_text_are_no_other_type(fit, detect, people):
    rows = people(seed=1)
    rows["age"] = rows["age"].astype(np.float32)
    rows["hours"] = rows["hours"].astype(float)
    rows["city"] = pa.array(rows["city"]).dictionary_encode()
    assert detect(rows, fit(people())).verdict.decision == "pass"


def test_numbers_that_stand_for_categories_may_be_read_as_fractions(fit, detect, people):
    rows = people(seed=1)
    rows["hours"] = rows["hours"].astype(float)
    assert detect(rows, fit(people(), categorical=["hours"])).verdict.decision == "pass"


def test_no_column_in_common_is_drift(fit, detect, people):
    found = detect({"other": np.zeros(100)}, fit(people()))
    assert found.verdict.decision == "fail"
    assert found.findings == ()


def test_a_table_without_rows_fails(fit, detect, people, codes):
    found = detect(people(0), fit(people()))
    assert codes(found) == [("no_rows", "current", "fail")]
    assert found.verdict.decision == "fail"


@pytest.mark.parametrize("rows", [1, 29])
def test_too_few_rows_are_a_warning_that_nothing_was_judged(rows, fit, detect, people, codes):
    found = detect(people(rows, seed=1, shift=5), fit(people()))
    assert codes(found) == [("few_rows", "current", "warn")]
    assert np.isnan(found.smallest)
    assert "p_value" not in found.scores


def test_a_column_that_lost_all_its_values_is_drift(fit, detect, people, codes):
    for empty in (pa.array([None] * 2000, pa.float64()), pa.nulls(2000)):
        found = detect({**people(seed=1), "age": empty}, fit(people()))
        assert ("missing_values", "age", "fail") in codes(found)


def test_a_column_that_had_no_values_and_gets_some_is_drift(fit, detect, people, codes):
    empty = {**people(), "late": pa.nulls(2000)}
    assert detect({**people(seed=1), "late": pa.nulls(2000)}, fit(empty)).verdict.decision == "pass"
    found = detect({**people(seed=1), "late": np.ones(2000)}, fit(empty))
    assert ("missing_values", "late", "fail") in codes(found)


def test_a_constant_column_never_drifts_until_it_changes(fit, detect, people, codes):
    detector = fit({**people(), "unit": np.full(2000, 5.0)})
    assert codes(detect({**people(seed=1), "unit": np.full(2000, 5.0)}, detector)) == []
    for value in (4.0, 6.0):
        found = detect({**people(seed=1), "unit": np.full(2000, value)}, detector)
        assert ("feature_drift", "unit", "fail") in codes(found)


def test_no_detector_is_no_baseline(detect, people, tmp_path):
    for nothing in ("", tmp_path / "none"):
        found = detect(people(), read_detector(nothing))
        assert found.verdict.decision == "no_baseline"
        assert found.scores["rows"] == 2000
        found.write(tmp_path / "v", tmp_path / "r", tmp_path / "s")
        found.write_columns(tmp_path / f"columns_{bool(nothing)}")


def test_limits_can_be_set_for_all_columns_or_one(fit, detect, people, codes):
    detector, moved = fit(people()), people(seed=1, shift=0.5)
    high = {"wasserstein": 9, "psi": 9, "jensen_shannon": 9}
    assert detect(moved, detector, limits=high).verdict.decision == "pass"
    one = {f"age.{measure}": limit for measure, limit in high.items()}
    assert detect(moved, detector, limits=one).verdict.decision == "pass"
    other = {f"hours.{measure}": limit for measure, limit in high.items()}
    assert codes(detect(moved, detector, limits=other)) == [("feature_drift", "age", "fail")]


def test_a_share_of_the_features_may_drift_with_a_warning(fit, detect, people):
    detector, moved = fit(people()), people(seed=1, shift=0.5)
    assert detect(moved, detector, drifted_share=0.34).verdict.decision == "warn"
    assert detect(moved, detector, drifted_share=0.33).verdict.decision == "fail"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"limits": {"kl": 1}}, "`limits` must name measures out of"),
        ({"limits": {"psi": 0}}, "`limits` must be numbers above 0. Found: 0 for psi"),
        ({"limits": {"psi": True}}, "`limits` must be numbers above 0"),
        ({"sample": 5}, "`sample` must be 0 for all rows, or at least 30"),
        ({"p_value": 0.7}, "`p_value` must be 0 for the detector's own, or up to 0.5"),
        ({"p_value": 0.001}, "`p_value` must be at least 0.005 for a detector with"),
        ({"expected_rows": -1}, "`expected_rows` must be 0 where it is not known"),
        ({"drifted_share": 2}, "`drifted_share` must be a share"),
    ],
)
def test_what_can_not_be_asked_for_is_refused(wanted, message, fit, detect, people):
    with pytest.raises(InputError, match=message):
        detect(people(), fit(people()), **wanted)


def test_a_profile_saves_computing_it_and_changes_nothing(fit, table, people, tmp_path):
    current, detector = table(people(seed=1, shift=0.5)), fit(people())
    options = logic.ask(10_000, 0.0, {}, 0, 0.0)
    read = logic.detect(current, detector, options)
    given = logic.detect(current, detector, options, profile_table(current))
    assert read.verdict == given.verdict
    assert read.scores == given.scores
    with pytest.raises(InputError, match="`profile` must be of the same table as `current`"):
        logic.detect(current, detector, options, profile_table(table(people(100))))


def test_the_same_rows_give_the_same_bytes(fit, table, people, tmp_path):
    current, detector = table(people(seed=1, shift=0.5)), fit(people())
    written = []
    for name in ("one", "two"):
        found = logic.detect(current, detector, logic.ask(500, 0.0, {}, 0, 0.0))
        paths = [tmp_path / f"{name}.{kind}" for kind in ("json", "html", "md")]
        found.write(*paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_programs_get_a_row_for_each_column_worst_first(fit, detect, people, tmp_path):
    found = detect(people(seed=1, shift=0.5), fit(people()))
    found.write_columns(tmp_path / "columns")
    rows = open_table(tmp_path / "columns").read().to_pylist()
    assert len(rows) == 3
    assert (rows[0]["column"], rows[0]["decision"]) == ("age", "fail")
    assert rows[0]["measure"] == "wasserstein"
    assert rows[0]["mean"] - rows[0]["mean_reference"] == pytest.approx(5, abs=1)
    assert rows[0]["total_variation"] is None
    assert {row["test"] for row in rows} == {"Kolmogorov-Smirnov", "chi-squared"}


def test_the_verdict_is_read_as_one_and_says_alarm_and_drift(fit, detect, people, tmp_path):
    found = detect(people(seed=1, shift=0.5), fit(people()))
    metadata = found.write(tmp_path / "v.json", tmp_path / "r.html", tmp_path / "s.md")
    assert read_verdict(tmp_path / "v.json") == found.verdict
    assert (metadata["alarm"], metadata["drift"]) == (True, True)
    assert json.dumps({**metadata, **found.scores}, allow_nan=False)


def test_the_page_draws_what_moved_alone_and_escapes_what_the_data_says(fit, detect, tmp_path):
    def rows(seed, shift):
        generator = np.random.default_rng(seed)
        names = generator.choice(["<script>alert(1)</script>", "b"], 2000)
        return {"<b>": names, "still": generator.normal(size=2000),
                "moves": generator.normal(shift, 1, 2000)}  # fmt: skip

    found = detect({**rows(1, 1.0), "<b>": ["<i>"] * 2000}, fit(rows(0, 0.0)))
    page = logic.page.report(found).html()
    assert page.count("<svg") == 2
    assert "<script>" not in page
    assert "<i>" not in page
    assert page.index("&lt;b&gt;: ") < page.index("moves: ")


def test_a_page_of_a_thousand_columns_that_moved_is_small(fit, detect):
    generator = np.random.default_rng(0)
    reference = {f"x{n}": generator.normal(size=200) for n in range(1000)}
    current = {f"x{n}": generator.normal(2, 1, 200) for n in range(1000)}
    found = detect(current, fit(reference, correction="bonferroni"))
    assert found.scores["drifted_share"] == 1
    page = logic.page.report(found).html()
    assert 100_000 < len(page.encode()) < 2_000_000


def crossed(seed, sign, rows=1000):
    """Return two columns whose product has a sign, and whose own distributions do not tell it."""
    generator = np.random.default_rng(seed)
    left, right = np.abs(generator.normal(size=(2, rows)))
    turned = np.where(generator.random(rows) < 0.5, -1, 1)
    return {"left": left * turned, "right": right * turned * sign}


def test_a_classifier_sees_what_columns_do_together(fit, detect, codes):
    seen = detect(crossed(1, -1), fit(crossed(0, 1), method="classifier"))
    assert codes(seen) == [("table_drift", "all columns together", "fail")]
    assert detect(crossed(1, -1), fit(crossed(0, 1))).verdict.decision == "pass"
    assert detect(crossed(1, 1), fit(crossed(0, 1), method="classifier")).verdict.decision == "pass"


def test_a_classifier_takes_categories_missing_values_and_all_components(fit, detect, people):
    rows = people(seed=1, shift=1.0)
    rows["age"][:100] = np.nan
    for components in (0.0, 0.9, 2):
        found = detect(rows, fit(people(), method="classifier", components=components))
        assert found.verdict.decision == "fail"


@pytest.mark.parametrize("method", ["cvm", "fet"])
@pytest.mark.parametrize("correction", ["bonferroni", "fdr"])
def test_other_tests_and_corrections_find_it_too(method, correction, fit, detect, people):
    def rows(seed, shift, share):
        flags = np.random.default_rng(seed).random(2000) < share
        return {**people(seed=seed, shift=shift), "flag": flags}

    detector = fit(rows(0, 0.0, 0.2), method=method, correction=correction)
    assert detect(rows(1, 0.0, 0.2), detector).verdict.decision == "pass"
    found = detect(rows(1, 0.5, 0.4), detector)
    assert {finding.judged.name for finding in found.findings if finding.moved} == {"age", "flag"}


@pytest.mark.parametrize("method", ["mmd", "lsdd", "spot_the_diff"])
def test_the_kernel_methods_see_it_where_torch_is_installed(method, fit, detect):
    pytest.importorskip("torch", reason="an image variant with PyTorch")
    detector = fit(crossed(0, 1, 300), method=method, components=0.0)
    moved = detect({k: v + 1 for k, v in crossed(1, 1, 300).items()}, detector)
    assert moved.verdict.decision == "fail"
    assert moved.smallest <= 0.05
