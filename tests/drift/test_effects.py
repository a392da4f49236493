"""Effect sizes of columns whose answer can be worked out by hand, and the tests behind them."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from holdfast.drift.alibi import detector_class
from holdfast.drift.columns import Judged
from holdfast.drift.effects import effect_of
from holdfast.drift.encoding import encode
from holdfast.drift.permutation import smallest_by_chance
from holdfast.drift.significance import compare
from holdfast.profiles.profile import profile_batches


def effect(now, before, kind="number"):
    """Return the effect of one column, from its profiles."""
    both = [pa.table({"x": values}) for values in (now, before)]
    profiles = [profile_batches(rows.schema, rows.to_batches()).columns["x"] for rows in both]
    return effect_of(Judged("x", "feature", kind, "double"), *profiles)


def test_a_shift_is_a_wasserstein_distance_in_deviations_of_the_reference():
    before = np.tile([0.0, 2.0], 50)
    assert effect(before + 0.5, before).wasserstein == pytest.approx(0.5)
    # As many as a quarter more ones at 4: a quarter of all goes 2 to the right, deviation 1.
    assert effect(np.tile([0.0, 2, 4, 2], 10), np.tile([0.0, 2, 2, 2], 10)).wasserstein == (
        pytest.approx(0.5 / np.sqrt(0.75))
    )


def test_infinite_values_leave_the_distance_of_the_others():
    before = np.tile([0.0, 2.0], 50)
    assert effect(np.append(before + 0.5, np.inf), before).wasserstein == pytest.approx(0.5)


def test_categories_that_change_have_a_total_variation_and_a_stability_index():
    found = effect(["a"] * 60 + ["b"] * 40, ["a"] * 50 + ["b"] * 50, "category")
    assert found.total_variation == pytest.approx(0.1)
    assert found.psi == pytest.approx(0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5))
    assert found.unseen == 0
    assert np.isnan(found.wasserstein)


def test_disjoint_distributions_have_a_jensen_shannon_distance_of_1():
    assert effect(["b"] * 10, ["a"] * 10, "category").jensen_shannon == pytest.approx(1)
    # The ends of the outer deciles are open: all of it lies in the last of them.
    p, q, m = 0.1, 1.0, 0.55
    divergence = (0.9 + p * np.log2(p / m) + q * np.log2(q / m)) / 2
    found = effect(np.arange(1000.0) + 1000, np.arange(1000.0)).jensen_shannon
    assert found == pytest.approx(np.sqrt(divergence), abs=0.002)
    assert effect(np.arange(100.0), np.arange(100.0)).jensen_shannon == 0


def test_missing_new_and_out_of_range_values_are_counted_in_all_rows():
    assert effect([1.0, None, 3, 4], [1.0, 2, 3, 4]).missing == pytest.approx(0.25)
    assert effect(["a", "c", "c", "b"], ["a", "b"], "category").unseen == pytest.approx(0.5)
    assert effect([0.0, 2, 3, 9], [1.0, 2, 3, 4]).beyond == pytest.approx(0.5)


def test_a_constant_that_changes_is_another_category_below_as_above():
    for value in (4.0, 6.0):
        found = effect([value] * 10, [5.0] * 10, "category")
        assert (found.total_variation, found.unseen) == (1, 1)


def test_a_column_without_values_has_no_effect_but_its_missing_share():
    found = effect(pa.array([None] * 4, pa.float64()), [1.0, 2, 3, 4])
    assert found.missing == 1
    assert np.isnan(found.psi)


def test_many_categories_are_compared_by_the_hundred_most_frequent_and_the_rest():
    before = [f"v{n % 500}" for n in range(1000)]
    assert effect(before, before, "category").total_variation == 0
    assert effect([*before[:900], *["new"] * 100], before, "category").total_variation < 0.11


@pytest.fixture
def samples():
    generator = np.random.default_rng(0)
    both = []
    for rows, shift in ((900, 0.0), (600, 0.15)):
        columns = {
            "number": generator.normal(shift, 1, rows),
            "tied": generator.poisson(3, rows).astype(float),
            "two": pa.array(np.array(["a", "b"])[generator.choice(2, rows, p=[0.7, 0.3])]),
            "three": pa.array(np.array(["a", "b", "c"])[generator.choice(3, rows)]),
        }
        both.append(pa.table(columns))
    return both


JUDGED = (
    *(Judged(name, "feature", "number", "double") for name in ("number", "tied")),
    *(Judged(name, "feature", "category", "string") for name in ("two", "three")),
)


def contingency(both, name):
    values = [table[name].to_numpy(zero_copy_only=False) for table in both]
    names = sorted({*values[0], *values[1]})
    return [[(part == value).sum() for value in names] for part in values]


def test_alibi_detect_says_what_scipy_says(samples):
    encoded = encode(*samples, JUDGED)
    found = compare(*encoded, JUDGED, "tabular", "bonferroni", 0)
    for place, name in enumerate(("number", "tied")):
        theirs = stats.ks_2samp(samples[0][name], samples[1][name], method="asymp")
        assert found.statistics[place] == pytest.approx(theirs.statistic, rel=1e-5)
        assert found.p_values[place] == pytest.approx(theirs.pvalue, rel=1e-5)
    for place, name in ((2, "two"), (3, "three")):
        statistic, p_value, _, _ = stats.chi2_contingency(contingency(samples, name))
        assert found.statistics[place] == pytest.approx(statistic, rel=1e-5)
        assert found.p_values[place] == pytest.approx(p_value, rel=1e-5)
    assert found.adjusted == pytest.approx(np.minimum(1, 4 * found.p_values))


def test_cramer_von_mises_and_fisher_are_theirs_too(samples):
    encoded = encode(*samples, JUDGED)
    cvm = compare(*encoded, JUDGED, "cvm", "fdr", 0)
    theirs = stats.cramervonmises_2samp(samples[0]["number"], samples[1]["number"])
    assert cvm.p_values[0] == pytest.approx(theirs.pvalue, rel=1e-4)
    assert cvm.adjusted == pytest.approx(stats.false_discovery_control(cvm.p_values))
    fet = compare(*encoded, JUDGED, "fet", "bonferroni", 0)
    assert fet.names == ("Kolmogorov-Smirnov", "Kolmogorov-Smirnov", "Fisher", "chi-squared")
    expected = stats.fisher_exact(contingency(samples, "two"))[1]
    assert fet.p_values[2] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("correction", ["bonferroni", "fdr"])
def test_the_alarm_is_the_one_that_alibi_detect_gives(correction, samples):
    encoded = encode(*samples, JUDGED)
    categories = {2: None, 3: None}
    theirs = detector_class("cd.tabular", "TabularDrift")(
        encoded[0], p_val=0.05, categories_per_feature=categories, correction=correction
    ).predict(encoded[1])["data"]["is_drift"]
    ours = compare(*encoded, JUDGED, "tabular", correction, 0)
    assert bool(theirs) == (ours.smallest <= 0.05)


@pytest.mark.parametrize("place", range(4))
def test_an_exchange_of_rows_has_the_p_value_of_scipy(place, samples, monkeypatch):
    """One exchange of one column, done by hand."""
    monkeypatch.setattr("holdfast.drift.permutation.DRAWS", 1)
    before, now = (rows[:, [place]] for rows in encode(*samples, JUDGED))
    (found,) = smallest_by_chance(before, now, np.array([place > 1]), 3)
    rows = np.concatenate((before, now))[:, 0]
    chosen = np.random.default_rng(3).choice(len(rows), len(now), replace=False, shuffle=False)
    both = np.delete(rows, chosen), rows[chosen]
    if place > 1:
        counts = [[(part == code).sum() for code in np.unique(rows)] for part in both]
        expected = stats.chi2_contingency(counts)[1]
    else:
        expected = stats.ks_2samp(*both, method="asymp").pvalue
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_smallest_p_value_of_all_columns_is_taken(samples):
    before, now = encode(*samples, JUDGED)
    categories = np.array([False, False, True, True])
    single = [smallest_by_chance(before[:, [n]], now[:, [n]], categories[[n]], 3) for n in range(4)]
    together = smallest_by_chance(before, now, categories, 3)
    # The larger ones come from another part of the interpolated distribution.
    assert together == pytest.approx(np.min(single, axis=0), rel=0.01)


def test_the_same_column_twenty_times_is_one_column_for_the_permutation(samples):
    """Bonferroni multiplies its p-value by twenty, although nothing was added."""
    columns = [samples[0]["number"].to_numpy(), samples[1]["number"].to_numpy() - 0.1]
    judged = [Judged(f"x{n}", "feature", "number", "double") for n in range(20)]
    encoded = [np.tile(values[:, None], (1, 20)) for values in columns]
    single = stats.ks_2samp(*columns, method="asymp").pvalue
    assert 0.01 < single < 0.2
    permuted = compare(*encoded, judged, "tabular", "permutation", 0).smallest
    assert permuted == pytest.approx(single, abs=0.05)
    bonferroni = compare(*encoded, judged, "tabular", "bonferroni", 0).smallest
    assert bonferroni == pytest.approx(min(1, 20 * single))


def test_rare_categories_are_tested_together():
    before = pa.table({"x": [f"v{n}" for n in range(1000)]})
    encoded = encode(before, before, [Judged("x", "feature", "category", "string")])
    assert {*np.unique(encoded[0])} == {0.0}


def test_missing_values_rank_below_all_others_and_are_a_category():
    before = pa.table({"x": [1.0, None, np.nan, 2.0], "c": ["a", None, "a", "a"]})
    judged = [
        Judged("x", "feature", "number", "double"),
        Judged("c", "feature", "category", "string"),
    ]
    encoded, _ = encode(before, before, judged)
    assert encoded[:, 0].tolist() == [1, -np.inf, -np.inf, 2]
    assert len(np.unique(encoded[:, 1])) == 2
