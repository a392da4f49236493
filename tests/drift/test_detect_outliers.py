"""fit_outlier_detector and detect_outliers, on tables whose outliers are known."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import betabinom

from holdfast.drift.alibi import detector_class
from holdfast.drift.detect_outliers import logic as detecting
from holdfast.drift.detect_outliers.expected import expected_count
from holdfast.drift.fit_outlier_detector import logic as fitting
from holdfast.drift.fit_outlier_detector import scoring
from holdfast.drift.fit_outlier_detector.detector import ARRAYS, FILE, rank, read_detector
from holdfast.errors import InputError
from holdfast.table import TableWriter, open_table

METHODS = list(scoring.METHODS)


def rows_of(number, seed, **changed):
    """Three columns: two that move together, and a category."""
    random = np.random.default_rng(seed)
    size = random.normal(size=number)
    columns = {
        "size": size,
        "weight": size + random.normal(scale=0.1, size=number),
        "colour": random.choice(["red", "green", "blue"], number, p=[0.6, 0.3, 0.1]),
    }
    return pa.table(columns | changed)


def saved(folder, table, name="table", **about):
    path = folder / name
    shutil.rmtree(path, ignore_errors=True)
    with TableWriter(path, table.schema, **about) as writer:
        for batch in table.to_batches():
            writer.write(batch)
    return open_table(path)


def fitted(folder, table, **asked):
    return fitting.fit(saved(folder, table, "reference"), fitting.Request(**asked))


def detected(folder, table, detector, **limits):
    current = saved(folder, table, "current")
    shutil.rmtree(folder / "outliers", ignore_errors=True)
    return detecting.detect(current, detector, folder / "outliers", detecting.Request(**limits))


def outliers_of(found):
    return open_table(found.path).read()


def with_value(table, column, row, value):
    values = table[column].to_pylist()
    values[row] = value
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


def codes(found):
    return {reason.code: reason.effect for reason in found.verdict.reasons}


@pytest.mark.parametrize("method", METHODS)
class TestEachMethod:
    @pytest.fixture
    def detector(self, tmp_path, method):
        return fitted(tmp_path, rows_of(4000, 1), method=method)

    def test_planted_outliers_are_found_with_row_number_and_score(self, tmp_path, detector):
        table = rows_of(1000, 2)
        for row in (17, 500):
            table = with_value(with_value(table, "size", row, 9.0), "weight", row, -9.0)
        found = detected(tmp_path, table, detector)
        flagged = outliers_of(found)
        highest = flagged.sort_by([("outlier_score", "descending")])["outlier_row"][:2]
        assert set(highest.to_pylist()) == {17, 500}
        assert flagged["outlier_row"].to_pylist() == sorted(flagged["outlier_row"].to_pylist())
        assert flagged["size"].to_pylist() == table["size"].take(flagged["outlier_row"]).to_pylist()
        assert min(flagged["outlier_score"].to_pylist()) > detector.about.threshold

    def test_counts_add_up(self, tmp_path, detector):
        table = rows_of(3000, 3)
        found = detected(tmp_path, table, detector)
        scores = detector.score(detector.encode(table.combine_chunks().to_batches()[0]))
        assert found.scores["rows"] == 3000
        assert found.scores["outliers"] == outliers_of(found).num_rows
        assert found.scores["outliers"] == (scores > detector.about.threshold).sum()
        assert found.scores["outlier_share"] == found.scores["outliers"] / 3000
        assert found.verdict.reasons[0].share == found.scores["outlier_share"]

    def test_the_same_rows_give_the_same_bytes(self, tmp_path, detector, method):
        again = fitted(tmp_path, rows_of(4000, 1), method=method)
        written = []
        for place, each in enumerate((detector, again)):
            each.write(tmp_path / f"detector_{place}")
            found = detected(tmp_path, rows_of(500, 2), each)
            found.write(*(tmp_path / name for name in ("verdict", "page.html", "page.md")))
            files = (f"detector_{place}/{FILE}", f"detector_{place}/{ARRAYS}", "verdict",
                     "page.html", "page.md", "outliers/part-00000.parquet")  # fmt: skip
            written.append([(tmp_path / file).read_bytes() for file in files])
        assert written[0] == written[1]

    def test_another_seed_draws_other_rows(self, tmp_path, detector, method):
        other = fitted(tmp_path, rows_of(4000, 1), method=method, seed=1)
        assert other.about.threshold != detector.about.threshold

    def test_a_stored_detector_gives_the_same_scores(self, tmp_path, detector):
        detector.write(tmp_path / "detector")
        stored = read_detector(tmp_path / "detector")
        (batch,) = rows_of(500, 2).combine_chunks().to_batches()
        before, after = (each.score(each.encode(batch)) for each in (detector, stored))
        assert after.tolist() == before.tolist()
        assert stored.about == detector.about

    def test_how_rows_are_cut_into_batches_does_not_matter(self, tmp_path, detector):
        table = rows_of(900, 2)
        pq.write_table(table, tmp_path / "whole.parquet")
        pq.write_table(table, tmp_path / "cut.parquet", row_group_size=7)
        limits = detecting.Request()
        whole, cut = (
            detecting.detect(open_table(tmp_path / f"{n}.parquet"), detector, tmp_path / n, limits)
            for n in ("whole", "cut")
        )
        whole_rows, cut_rows = outliers_of(whole), outliers_of(cut)
        name = "outlier_score"
        assert whole_rows.drop(name).equals(cut_rows.drop(name))
        # BLAS takes another way for few rows on some processors.
        np.testing.assert_allclose(whole_rows[name], cut_rows[name], rtol=1e-9)
        assert whole.report == cut.report

    @pytest.mark.parametrize(
        ("column", "value"),
        [("colour", "purple"), ("colour", None), ("size", None), ("size", np.inf), ("size", 50.0)],
    )
    def test_what_the_reference_never_had_makes_an_outlier(self, tmp_path, detector, column, value):
        table = with_value(rows_of(100, 2), column, 3, value)
        (before,) = rows_of(100, 2).combine_chunks().to_batches()
        (after,) = table.combine_chunks().to_batches()
        raised = detector.score(detector.encode(after)) - detector.score(detector.encode(before))
        assert raised[3] > 0
        assert np.count_nonzero(raised) == 1
        found = detected(tmp_path, table, detector)
        assert 3 in outliers_of(found)["outlier_row"].to_pylist()

    def test_another_value_in_a_constant_column_makes_an_outlier(self, tmp_path, method):
        reference = rows_of(1000, 1, unit=np.ones(1000), word=["kg"] * 1000)
        detector = fitted(tmp_path, reference, method=method)
        current = rows_of(50, 2, unit=[1.0] * 49 + [1.5], word=["g"] + ["kg"] * 49)
        found = detected(tmp_path, current, detector)
        assert {0, 49} <= set(outliers_of(found)["outlier_row"].to_pylist())
        assert found.scores["surprises"] >= 2

    def test_missing_values_that_are_usual_are_no_outliers(self, tmp_path, method):
        def holey(number, seed):
            random = np.random.default_rng(seed)
            lost = random.random(number) < 0.3
            size = pa.array(random.normal(size=number), mask=lost)
            return rows_of(number, seed, size=size, weight=random.normal(size=number))

        detector = fitted(tmp_path, holey(4000, 1), method=method)
        found = detected(tmp_path, holey(4000, 2), detector)
        assert found.verdict.decision == "pass"

    def test_new_categories_of_an_open_column_are_no_outliers(self, tmp_path, method):
        def named(number, seed):
            letters = np.random.default_rng(seed).integers(0, 10**9, number)
            return rows_of(number, seed, name=[f"n{each}" for each in letters])

        detector = fitted(tmp_path, named(4000, 1), method=method)
        found = detected(tmp_path, named(4000, 2), detector)
        assert found.verdict.decision == "pass"
        assert found.scores["surprises"] < 20

    def test_tables_like_the_reference_rarely_hold_more_than_expected(self, tmp_path, method):
        surprising = 0
        for seed in range(20):
            asked = {"method": method, "contamination": 0.1, "seed": seed}
            detector = fitted(tmp_path, rows_of(400, 2 * seed), **asked)
            (batch,) = rows_of(400, 2 * seed + 1).combine_chunks().to_batches()
            outliers = (detector.score(detector.encode(batch)) > detector.about.threshold).sum()
            expected = expected_count(400, detector.beyond, detector.about.judged, 0.1)
            surprising += outliers > expected.high
        # The chance of more than 6 of 20 at 0.1 each is 0.2 %.
        assert surprising <= 6

    def test_an_all_null_column_fails(self, tmp_path, detector):
        nothing = pa.nulls(300, pa.null())
        found = detected(tmp_path, rows_of(300, 2, size=nothing), detector)
        assert found.verdict.decision == "fail"
        assert found.scores["outliers"] == 300


def test_the_distance_is_that_of_mahalanobis_worked_out_by_hand():
    # Mean (2, 3); variances 2 and 8, covariance 0: (4 - 2)^2 / 2 + (7 - 3)^2 / 8 = 4.
    learned = np.array([[0.0, 3], [4, 3], [2, -1], [2, 7]])
    scorer = scoring.fit("mahalanobis", learned, 0)
    assert scorer.score(np.array([[4.0, 7], [2, 3], [3, 3]])) == pytest.approx([4, 0, 0.5], 1e-5)
    # Two columns of variance 1 and correlation 0.6: (1 + 1 + 2 * 0.6) / (1 - 0.36) = 5 against it.
    a, b = np.array([1, 1, -1, -1]), np.array([1, -1, 1, -1])
    scorer = scoring.fit("mahalanobis", np.stack([a, 0.6 * a + 0.8 * b], axis=1), 0)
    assert scorer.score(np.array([[1.0, -1], [1, 1]])) == pytest.approx([5, 1.25], 1e-4)


def test_the_distance_is_alibi_detects_with_its_state_held_fixed():
    random = np.random.default_rng(0)
    learned = random.normal(size=(500, 3)) @ random.normal(size=(3, 3)) + [1, 2, 3]
    rows = random.normal(size=(20, 3))
    theirs = detector_class("od.mahalanobis", "Mahalanobis")(threshold=1.0, n_components=3)
    # So many rows seen that those to come change nothing.
    theirs.n, theirs.start_clip = 10**15, 10**16
    theirs.mean, theirs.C = learned.mean(axis=0), np.cov(learned.T, bias=True)
    scorer = scoring.fit("mahalanobis", learned, 0)
    assert scorer.score(rows) == pytest.approx(theirs.score(rows), rel=1e-3)


def test_outliers_in_the_reference_do_not_hide_others():
    random = np.random.default_rng(0)
    learned = random.normal(size=(10_000, 2))
    row = np.array([[8.0, 8.0]])
    clean = scoring.fit("mahalanobis", learned, 0).score(row)
    learned[:5] = 1e6
    assert scoring.fit("mahalanobis", learned, 0).score(row) == pytest.approx(clean, rel=0.05)


def test_the_threshold_is_the_score_that_contamination_of_judged_rows_exceed(tmp_path):
    detector = fitted(tmp_path, rows_of(2000, 1), contamination=0.05)
    assert (detector.about.judged, detector.about.learned) == (1000, 1000)
    # The 951st of 1,000 scores: ceil(1001 * 0.95).
    assert rank(1000, 0.05) == 951
    assert detector.about.threshold == detector.scores[950]
    assert detector.beyond == 50


def test_the_expected_count_is_a_beta_binomial_interval():
    found = expected_count(200, beyond=10, judged=99, p_value=0.05)
    law = betabinom(200, 10, 90)
    assert found.mean == pytest.approx(20)
    assert law.sf(found.high) <= 0.05 < law.sf(found.high - 1)
    assert law.cdf(found.low - 1) < 0.05 <= law.cdf(found.low)
    assert expected_count(0, 10, 99, 0.05).high == 0
    # Of very many rows only the few counts around the mean are looked at.
    many = expected_count(10**7, beyond=100, judged=10_000, p_value=0.01)
    assert 0.0123 < many.high / 10**7 < 0.0126


@pytest.mark.parametrize(("planted", "decision"), [(0, "pass"), (30, "warn"), (100, "fail")])
def test_the_decision_follows_the_share(tmp_path, planted, decision):
    # Of 2,000 rows 1 % are outliers anyway; 30 more are 2.5 times, 100 more 6 times as many.
    detector = fitted(tmp_path, rows_of(20_000, 1), method="mahalanobis")
    weights = np.where(np.arange(2000) < planted, 50.0, rows_of(2000, 2)["weight"].to_numpy())
    found = detected(tmp_path, rows_of(2000, 2, weight=weights), detector)
    assert found.verdict.decision == decision
    reason = found.verdict.reasons[0]
    assert reason.code == ("as_expected" if decision == "pass" else "many_outliers")
    assert reason.observed == f"{outliers_of(found).num_rows} of 2000 rows"


def test_a_share_above_the_limit_that_may_be_chance_does_not_fail(tmp_path):
    detector = fitted(tmp_path, rows_of(4000, 1), method="mahalanobis")
    found = detected(tmp_path, with_value(rows_of(10, 5), "weight", 0, 50.0), detector)
    assert found.scores["outliers"] == 1
    assert found.scores["highest_expected_share"] == 0.1
    assert found.verdict.decision == "pass"


def test_one_row_is_scored(tmp_path):
    detector = fitted(tmp_path, rows_of(4000, 1))
    found = detected(tmp_path, with_value(rows_of(1, 5), "weight", 0, 50.0), detector)
    assert outliers_of(found)["outlier_row"].to_pylist() == [0]


def test_no_rows_fail(tmp_path):
    found = detected(tmp_path, rows_of(0, 1), fitted(tmp_path, rows_of(4000, 1)))
    assert found.verdict.decision == "fail"
    assert codes(found) == {"no_rows": "fail"}
    assert outliers_of(found).num_rows == 0


@pytest.mark.parametrize("path", ["", "nowhere", "empty", "folder"])
def test_no_detector_is_no_baseline(tmp_path, path):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    detector = detecting.open_detector(str(tmp_path / path) if path else "")
    found = detected(tmp_path, rows_of(10, 1), detector)
    assert found.verdict.decision == "no_baseline"
    assert codes(found) == {"no_detector": "no_baseline"}
    flagged = outliers_of(found)
    assert flagged.num_rows == 0
    assert flagged.schema.names == ["size", "weight", "colour", "outlier_row", "outlier_score"]


def test_a_new_column_warns_and_is_kept(tmp_path):
    detector = fitted(tmp_path, rows_of(4000, 1))
    found = detected(tmp_path, rows_of(100, 2, height=np.zeros(100)), detector)
    assert found.verdict.decision == "warn"
    assert codes(found)["new_columns"] == "warn"
    assert "height" in outliers_of(found).schema.names


def test_target_and_times_are_not_read(tmp_path):
    day = pa.array(np.arange(1000), pa.timestamp("s"))
    reference = saved(tmp_path, rows_of(1000, 1, day=day, price=np.ones(1000)), target="price")
    detector = fitting.fit(reference, fitting.Request())
    assert detector.columns == ["size", "weight", "colour"]
    assert "Not read" in fitting.report(detector).markdown()
    # Neither need they be there, nor are they new.
    assert codes(detected(tmp_path, rows_of(100, 2), detector)) == {"as_expected": ""}
    later = rows_of(100, 2, day=pa.array(np.arange(100), pa.timestamp("s")))
    assert codes(detected(tmp_path, later, detector)) == {"as_expected": ""}


def test_only_the_named_columns_are_read(tmp_path):
    detector = fitted(tmp_path, rows_of(4000, 1), columns=("weight",), method="mahalanobis")
    table = with_value(rows_of(100, 2), "size", 0, 1e9)
    assert 0 not in outliers_of(detected(tmp_path, table, detector))["outlier_row"].to_pylist()


@pytest.mark.parametrize("kind", [pa.int32(), pa.float32(), pa.decimal128(22, 2)])
def test_numbers_of_other_types_are_numbers(tmp_path, kind):
    detector = fitted(tmp_path, rows_of(1000, 1, size=np.arange(1000) % 7 * 1.0))
    table = rows_of(70, 2, size=pa.array(np.arange(70) % 7).cast(kind, safe=False))
    assert "size" in outliers_of(detected(tmp_path, table, detector)).schema.names


def test_coded_text_and_booleans_are_read(tmp_path):
    colour = pa.array(["red", "green"] * 500).dictionary_encode()
    reference = rows_of(1000, 1, colour=colour, sold=[True, False] * 500)
    detector = fitted(tmp_path, reference)
    current = rows_of(2, 2, colour=pa.array(["green", "black"]), sold=[True, True])
    found = detected(tmp_path, current, detector)
    assert outliers_of(found)["outlier_row"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["size"]), "`current` lacks ['size']"),
        (lambda t: rows_of(t.num_rows, 2, size=["a"] * t.num_rows), "'size' as number"),
        (lambda t: rows_of(t.num_rows, 2, colour=np.ones(t.num_rows)), "'colour' as text"),
        (lambda t: rows_of(t.num_rows, 2, outlier_score=np.ones(t.num_rows)), "outlier_score"),
        (lambda t: rows_of(t.num_rows, 2, size=[[1.0]] * t.num_rows), "of type list"),
    ],
)
def test_a_table_of_another_form_is_refused_and_nothing_is_left(tmp_path, change, message):
    detector = fitted(tmp_path, rows_of(1000, 1))
    with pytest.raises(InputError) as refused:
        detected(tmp_path, change(rows_of(10, 2)), detector)
    assert message in str(refused.value)
    assert not (tmp_path / "outliers").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"method": "kmeans"}, "`method` must be one of"),
        ({"contamination": 0.0}, "`contamination` must be above 0"),
        ({"contamination": 0.001}, "`reference` must be at least 1998 rows"),
        ({"contamination": 0.001, "sample_rows": 500}, "`reference` must be at least"),
        ({"sample_rows": 100}, "`sample_rows` must be at least 198"),
        ({"sample_rows": 3}, "`sample_rows` must be at least"),
        ({"seed": -1}, "`seed` must be"),
        ({"columns": ("length",)}, "`columns` must be columns of `reference`"),
        ({"columns": ("unit",)}, "must have a column that varies"),
    ],
)
def test_what_cannot_be_fitted_is_refused(tmp_path, asked, message):
    with pytest.raises(InputError) as refused:
        fitted(tmp_path, rows_of(1000, 1, unit=np.ones(1000)), **asked)
    assert message in str(refused.value)


def test_a_locked_holdout_is_refused(tmp_path):
    reference = saved(tmp_path, rows_of(1000, 1), role="holdout")
    with pytest.raises(InputError, match="locked holdout"):
        fitting.fit(reference, fitting.Request())


@pytest.mark.parametrize(
    "limits", [{"warn_ratio": 0.5}, {"warn_ratio": 4.0}, {"p_value": 0.0}, {"p_value": 0.7}]
)
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(InputError, match="must be"):
        detecting.Request(**limits)


def test_what_is_no_detector_is_refused(tmp_path):
    fitted(tmp_path, rows_of(1000, 1)).write(tmp_path / "detector")
    file = tmp_path / "detector" / FILE
    document = json.loads(file.read_text())
    for broken in ("[]", "{}", json.dumps(document | {"holdfast_contract": "drift/1"}),
                   json.dumps(document | {"method": "other"})):  # fmt: skip
        file.write_text(broken)
        with pytest.raises(InputError, match="must be an outlier detector"):
            read_detector(tmp_path / "detector")


def test_pickled_arrays_are_refused(tmp_path):
    fitted(tmp_path, rows_of(1000, 1)).write(tmp_path / "detector")
    np.savez(tmp_path / "detector" / ARRAYS, scores=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="must be an outlier detector"):
        read_detector(tmp_path / "detector")


def test_a_forest_that_grows_otherwise_is_refused(tmp_path):
    fitted(tmp_path, rows_of(1000, 1)).write(tmp_path / "detector")
    file = tmp_path / "detector" / ARRAYS
    arrays = dict(np.load(file, allow_pickle=False))
    np.savez_compressed(file, **arrays | {"probe": arrays["probe"] + 1e-3})
    with pytest.raises(InputError, match="another version of scikit-learn"):
        read_detector(tmp_path / "detector")


def test_names_are_escaped_and_no_value_is_shown(tmp_path):
    def tagged(number, seed):
        table = rows_of(number, seed)
        return table.rename_columns(["size", "<b>weight</b>", "colour"])

    detector = fitted(tmp_path, tagged(4000, 1))
    table = with_value(tagged(100, 2), "colour", 0, "<script>secret</script>")
    table = with_value(table, "<b>weight</b>", 0, 123454321.0)
    found = detected(tmp_path, table, detector)
    found.write(*(tmp_path / name for name in ("verdict", "page.html", "page.md")))
    page, text = ((tmp_path / name).read_text() for name in ("page.html", "page.md"))
    assert "&lt;b&gt;weight&lt;/b&gt;: above all of the reference" in page
    assert "colour: a category seen at most once in the reference" in page
    for written in (page, text, (tmp_path / "verdict").read_text()):
        assert "<b>" not in written
        assert "secret" not in written
        assert "12345" not in written
    assert len(page) < 200_000


def test_the_page_draws_the_scores_and_names_the_worst_rows_first(tmp_path):
    detector = fitted(tmp_path, rows_of(4000, 1), method="mahalanobis")
    table = with_value(rows_of(100, 2), "weight", 42, 70.0)
    table = with_value(table, "weight", 7, -30.0)
    found = detected(tmp_path, table, detector)
    markdown = found.report.markdown()
    first, second = markdown[markdown.index("most unusual columns") :].splitlines()[2:4]
    assert first.startswith("| 42 |")
    assert "weight: above all of the reference" in first
    assert second.startswith("| 7 |")
    assert "weight: below all of the reference" in second
    assert "<svg" in found.report.html()
