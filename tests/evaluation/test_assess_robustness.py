"""assess_robustness: each check, against models that hold and models that are broken by design."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from holdfast.errors import InputError
from holdfast.evaluation.assess_robustness.logic import Settings, assess
from holdfast.evaluation.assess_robustness.subject import Score, _roc_auc
from holdfast.model import Model, ModelInfo, feature_frame
from tests.evaluation.answering import classifier, regressor, two_classes
from tests.training.samples import bundled, train_model, write_table


def rows(path, count=200, seed=0, **columns):
    """Write p, which is the chance of yes, and x, which is noise."""
    random = np.random.default_rng(seed)
    p = random.random(count)
    y = pa.array(np.where(random.random(count) < p, "yes", "no"))
    return write_table(
        path / "test", {"p": p, "x": random.normal(size=count), "y": y, **columns}, "y"
    )


def filled(column):
    return column.fillna(0.5).clip(0, 1)


def sound(frame):
    """Answer with p, whatever happens to it."""
    return two_classes(filled(frame["p"]))


def checks(answer, path, settings=None, numeric=("p", "x"), text=(), **columns):
    """Return the checks of a classifier by code; of more than one of a code, the last."""
    model = classifier(answer, numeric, text)
    result = assess(model, rows(path, **columns), settings or Settings())
    return {check.code: check for check in result.checks}, result


def failed(answer, path, **more):
    _, result = checks(answer, path, **more)
    assert result.verdict.decision == "fail"
    return {check.code for check in result.checks if check.outcome == "fail"}


def test_a_sound_model_passes_every_check(tmp_path):
    found, result = checks(sound, tmp_path, Settings(max_drop=0.9))
    assert result.verdict.decision == "pass"
    assert {check.outcome for check in result.checks} == {"pass"}
    assert result.verdict.reasons[0].code == "robust"
    assert set(found) == {
        "answers", "range", "collapse", "determinism", "row_order", "duplicates", "single_rows",
        "empty", "all_missing", "infinite", "noise", "missing", "missing_feature", "out_of_range",
    }  # fmt: skip


def test_answers_that_depend_on_the_order_of_rows_fail(tmp_path):
    def by_place(frame):
        place = np.arange(len(frame)) / max(1, len(frame))
        return two_classes(0.5 * filled(frame["p"]) + 0.5 * place)

    assert {"row_order", "duplicates", "single_rows"} <= failed(by_place, tmp_path)


def test_answers_that_depend_on_the_batch_fail(tmp_path):
    def by_mean(frame):
        p = filled(frame["p"])
        return two_classes((p - p.mean() + 1) / 2)

    found = failed(by_mean, tmp_path)
    assert "single_rows" in found
    assert "row_order" not in found


def test_answers_by_chance_fail(tmp_path):
    random = np.random.default_rng(0)

    def noisy(frame):
        return two_classes(filled(frame["p"]) * 0.99 + 0.01 * random.random(len(frame)))

    assert "determinism" in failed(noisy, tmp_path)


@pytest.mark.parametrize(
    ("answer", "observed"),
    [
        (lambda frame: two_classes(2 * filled(frame["p"])), "rows outside 0 to 1"),
        (lambda frame: sound(frame) * 0.9, "200 rows that do not sum to 1"),
    ],
)
def test_answers_that_are_no_probabilities_fail(answer, observed, tmp_path):
    assert "range" in failed(answer, tmp_path / "one")
    found, _ = checks(answer, tmp_path / "two")
    assert observed in found["range"].observed


def test_answers_all_alike_fail_and_one_class_alone_warns(tmp_path):
    assert failed(lambda f: two_classes(np.full(len(f), 0.3)), tmp_path / "one") == {"collapse"}
    found, _ = checks(lambda f: two_classes(0.4 * filled(f["p"])), tmp_path / "two")
    assert found["collapse"].outcome == "warn"


def raising(error):
    def answer(frame):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "observed"),
    [
        (raising(RuntimeError("the row ['secret'] is bad")), "a RuntimeError"),
        (
            lambda frame: two_classes(np.full(len(frame), np.nan)),
            "200 of 200 answers are not finite",
        ),
        (lambda frame: sound(frame)[:-1], "answers of the shape (199, 2) instead of (200, 2)"),
    ],
)
def test_a_model_that_cannot_answer_its_own_test_rows_fails_at_once(answer, observed, tmp_path):
    found, result = checks(answer, tmp_path)
    assert (list(found), found["answers"].observed) == (["answers"], observed)
    assert result.verdict.decision == "fail"
    assert "secret" not in result.report.html() + str(result.verdict)


def test_an_answer_of_nan_to_a_missing_value_fails(tmp_path):
    found = failed(lambda frame: two_classes(frame["p"].clip(0, 1)), tmp_path)
    assert {"missing", "missing_feature", "all_missing"} <= found


def test_a_crash_at_strange_frames_fails_and_a_refusal_does_not(tmp_path):
    def strict(error):
        def answer(frame):
            if not len(frame) or not np.isfinite(frame.to_numpy()).all():
                raise error
            return sound(frame)

        return answer

    crashed = failed(strict(IndexError("no")), tmp_path / "one")
    assert {"all_missing", "infinite", "missing_feature"} <= crashed
    found, result = checks(strict(ValueError("no")), tmp_path / "two", Settings(max_drop=0.9))
    assert {found[code].outcome for code in ("empty", "all_missing", "infinite")} == {"pass"}
    # Service may bring a missing value, and a refused batch is a batch without answers.
    assert found["missing_feature"].observed == "refused by a ValueError"
    assert (found["missing_feature"].outcome, result.verdict.decision) == ("warn", "warn")


def test_an_answer_to_no_rows_fails(tmp_path):
    def one_at_least(frame):
        return sound(frame) if len(frame) else two_classes([0.5])

    assert failed(one_at_least, tmp_path) == {"empty"}


def test_an_unseen_category_that_crashes_or_costs_too_much_is_found(tmp_path):
    def by_text(frame):
        known = frame["t"].map({"yes": 0.9, "no": 0.1})
        return two_classes(known.fillna(0.5))

    def crash(frame):
        return two_classes([{"yes": 0.9, "no": 0.1}[text] for text in frame["t"].fillna("no")])

    random = np.random.default_rng(0)
    p = random.random(2000)
    t = pa.array(np.where(p > 0.5, "yes", "no"))
    columns = {"count": 2000, "p": p, "t": t, "y": t, "numeric": (), "text": ("t",)}
    assert failed(crash, tmp_path / "one", **columns) == {"unseen_category"}
    found, result = checks(by_text, tmp_path / "two", **columns)
    # Of a flawless model to a coin.
    assert found["unseen_category"].drop.value == pytest.approx(0.5)
    assert (found["unseen_category"].outcome, result.verdict.decision) == ("warn", "warn")
    found, _ = checks(by_text, tmp_path / "three", Settings(on_drop="fail"), **columns)
    assert found["unseen_category"].outcome == "fail"


def test_values_out_of_range_must_be_answered(tmp_path):
    def overflow(frame):
        return two_classes(np.where(frame["p"].abs() > 2, np.inf, filled(frame["p"])))

    assert {"out_of_range"} <= failed(overflow, tmp_path)


def test_dates_out_of_range_must_be_answered(tmp_path):
    def narrow(frame):
        # Nanoseconds end in 2262, and begin in 1677.
        if (frame["d"] > pd.Timestamp("2100-01-01")).any():
            raise OverflowError
        return sound(frame)

    model = classifier(narrow, ("p", "x", "d"))
    info = ModelInfo(
        "y", "classification", ("p", "x", "d"), ("p", "x"), classes=("no", "yes"), temporal=("d",)
    )
    days = pa.array(np.arange(200).astype("datetime64[D]"))
    result = assess(Model(model.pipeline, info), rows(tmp_path, d=days), Settings())
    found = [check.outcome for check in result.checks if check.code == "out_of_range"]
    assert found == ["fail", "pass"]


def test_noise_lowers_the_metric_by_what_it_is_measured_to(tmp_path):
    found, result = checks(sound, tmp_path, Settings(noise=[1.0]), count=3000)
    drop = found["noise"].drop
    assert 0.05 < drop.low < drop.value < drop.high < 0.15
    assert result.scores["noise.1"] == drop.value
    assert (found["noise"].outcome, result.verdict.decision) == ("warn", "warn")


def test_noise_leaves_flags_and_values_that_most_rows_share(tmp_path):
    seen = []

    def look(frame):
        seen.append(frame)
        return sound(frame)

    flags, mostly = [0.0, 1.0] * 100, [0.0] * 150 + list(range(1, 51))
    numeric = ("p", "flag", "mostly")
    checks(look, tmp_path, Settings(noise=[0.5]), numeric, flag=flags, mostly=mostly)
    (noisy,) = [f for f in seen if len(f) == 200 and not set(f["p"]) <= set(seen[0]["p"].dropna())
                and f["p"].abs().max() < 5 and f["p"].notna().all()]  # fmt: skip
    assert noisy["flag"].tolist() == flags
    assert (noisy["mostly"][:150] == 0).all()
    assert (noisy["mostly"][150:] != seen[0]["mostly"][150:]).all()


def test_an_expected_direction_is_checked(tmp_path):
    up = Settings(monotonic={"p": "increasing"})
    down = Settings(monotonic={"p": "decreasing"})
    assert checks(sound, tmp_path / "one", up)[0]["monotonic"].outcome == "pass"
    found, result = checks(sound, tmp_path / "two", down)
    assert found["monotonic"].outcome == result.verdict.decision == "fail"
    assert found["monotonic"].observed.startswith("200 of 200 rows turn back")

    def wavy(frame):
        return two_classes(0.5 + 0.4 * np.sin(6 * filled(frame["p"])))

    assert "monotonic" in failed(wavy, tmp_path / "three", settings=up)


def test_answers_that_hang_on_a_protected_column_are_counted(tmp_path):
    def biased(frame):
        return two_classes(filled(frame["p"]) * 0.99 * np.where(frame["s"] == "F", 0.5, 1))

    s = pa.array([*"FM"] * 1000)
    wanted = Settings(protected=["s", "y"])
    columns = {"numeric": ("p", "x"), "text": ("s",), "count": 2000, "s": s}
    _, result = checks(biased, tmp_path, wanted, **columns)
    by_subject = {c.subject: c for c in result.checks if c.code == "counterfactual"}
    # p above 0.505 is a yes as M, and never as F.
    assert by_subject["s"].drop.value == pytest.approx(0.495, abs=0.03)
    assert by_subject["s"].outcome == "warn"
    assert by_subject["y"].observed == "the model does not read it"
    assert result.scores["counterfactual.s"] == by_subject["s"].drop.value


def test_a_protected_number_is_moved_through_its_deciles(tmp_path):
    found, _ = checks(sound, tmp_path, Settings(protected=["p"]))
    assert found["counterfactual"].drop.value == 1
    found, _ = checks(sound, tmp_path / "other", Settings(protected=["x"]))
    assert (found["counterfactual"].drop.value, found["counterfactual"].outcome) == (0, "pass")


def test_a_regression_is_checked_by_its_r2(tmp_path):
    random = np.random.default_rng(0)
    p = random.normal(size=2000)
    table = write_table(tmp_path / "test", {"p": p, "y": p}, "y", "regression")
    model = regressor(lambda frame: frame["p"].fillna(0).to_numpy())
    result = assess(model, table, Settings(protected=["p"], monotonic={"p": "increasing"}))
    found = {check.code: check for check in result.checks}
    assert result.scores["r2"] == 1
    assert found["missing_feature"].drop.value == pytest.approx(1, abs=0.01)
    assert found["monotonic"].outcome == "pass"
    assert found["counterfactual"].drop.value > 0.9
    constant = regressor(lambda frame: np.zeros(len(frame)))
    assert assess(constant, table, Settings()).verdict.reasons[0].code == "collapse"


def test_the_metrics_are_scikit_learns_and_a_drop_is_their_difference():
    random = np.random.default_rng(0)
    truth = random.choice(["no", "yes"], 500)
    one, two = (np.round(random.random(500) + 0.3 * (truth == "yes"), 1) for _ in range(2))
    before, after = (_roc_auc(truth, two_classes(s), ("no", "yes")) for s in (one, two))
    assert before.value == pytest.approx(roc_auc_score(truth == "yes", one))
    wanted = roc_auc_score(truth == "yes", one) - roc_auc_score(truth == "yes", two)
    assert before.drop_to(after, 0.95).value == pytest.approx(wanted)


def test_intervals_of_a_drop_cover_the_truth():
    """A drop of accuracy from 0.8 to 0.7, and of the area of normal scores that noise worsens."""
    accuracy, area = 0, 0
    for seed in range(600):
        random = np.random.default_rng(seed)
        one = (random.random(400) < 0.8).astype(float)
        two = np.where(random.random(400) < 0.15, 1 - one, one)
        found = Score(one.mean(), (one,)).drop_to(Score(two.mean(), (two,)), 0.95)
        accuracy += found.low <= 0.8 * 0.15 - 0.2 * 0.15 <= found.high
        truth = np.repeat(["no", "yes"], 200)
        scores = random.normal(size=400) + (truth == "yes")
        worse = scores + random.normal(size=400)
        pair = [_roc_auc(truth, two_classes(s), ("no", "yes")) for s in (scores, worse)]
        found = pair[0].drop_to(pair[1], 0.95)
        # Of normal scores a distance d apart, with the variance v, it is Phi(d / sqrt(2 v)).
        area += found.low <= 0.760250 - 0.691462 <= found.high
    assert 0.93 <= accuracy / 600 <= 0.97
    assert 0.93 <= area / 600 <= 0.97


def test_a_pipeline_of_scikit_learn_that_refuses_what_it_has_not_seen_warns(tmp_path):
    from sklearn.compose import ColumnTransformer

    random = np.random.default_rng(0)
    t = random.choice([*"ab"], 400)
    y = pa.array(np.where(random.random(400) < np.where(t == "a", 0.2, 0.8), "yes", "no"))
    table = write_table(
        tmp_path / "test", {"x": random.normal(size=400), "t": pa.array(t), "y": y}, "y"
    )
    frame = feature_frame(table.read(), ["x", "t"])
    steps = ColumnTransformer([("x", StandardScaler(), ["x"]), ("t", OneHotEncoder(), ["t"])])
    pipeline = Pipeline([("columns", steps), ("line", LogisticRegression())]).fit(frame, y)
    info = ModelInfo("y", "classification", ("x", "t"), ("x",), classes=("no", "yes"))
    result = assess(Model(pipeline, info), table, Settings(max_drop=0.4))
    found = {check.code: check for check in result.checks}
    assert found["unseen_category"].observed == "refused by a ValueError"
    assert result.verdict.decision == "warn"


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_what_our_training_makes_breaks_no_invariant(name, tmp_path):
    model = train_model(bundled(tmp_path / "train", name, slice(0, None, 2)))
    test = bundled(tmp_path / "test", name, slice(1, None, 2))
    result = assess(model, test, Settings(noise=[0.1], missing_shares=[0.1]))
    assert "fail" not in {check.outcome for check in result.checks}
    assert json.loads(json.dumps(result.scores, allow_nan=False)) == result.scores
    if name == "diabetes":
        frame = feature_frame(test.read(), model.info.features)
        wanted = r2_score(test.read().column("target").to_numpy(), model.pipeline.predict(frame))
        assert result.scores["r2"] == pytest.approx(wanted)


def test_rows_are_drawn_by_the_seed_up_to_the_budget(tmp_path):
    sizes = []

    def look(frame):
        sizes.append(len(frame))
        return sound(frame)

    one, two, other = (
        checks(look, tmp_path / str(n), Settings(max_rows=50, seed=seed), count=5000)[1]
        for n, seed in enumerate((1, 1, 2))
    )
    assert max(sizes) == 100
    assert one.report.html() == two.report.html()
    assert one.scores == two.scores != other.scores


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(metric="r2"), r"`metric` must be one.*\['roc_auc', 'accuracy'\].*'r2'"),
        (Settings(on_drop="pass"), r"`on_drop` must be warn or fail\. Found: 'pass'"),
        (Settings(noise=[-1]), r"`noise` must be levels above 0\."),
        (Settings(missing_shares=[1.0]), "`missing_shares` must be shares above 0 and below 1"),
        (Settings(protected=["sex"]), r"`protected` must name columns.*\['sex'\]"),
        (Settings(monotonic={"y": "increasing"}), "`monotonic` must give increasing or decreasing"),
        (Settings(monotonic={"p": "up"}), "Found: 'p' with 'up'"),
        (Settings(monotonic={"p": "increasing"}, positive="x"), "`positive` must name the class"),
        (Settings(max_rows=1), r"`max_rows` must be at least 2\."),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, tmp_path):
    with pytest.raises(InputError, match=message):
        checks(sound, tmp_path, settings)


def test_a_table_without_rows_or_targets_is_refused(tmp_path):
    with pytest.raises(InputError, match="`test` must hold rows"):
        checks(sound, tmp_path / "one", count=0)
    with pytest.raises(InputError, match="Found: 1 of 3 rows without"):
        checks(sound, tmp_path / "two", count=3, y=["yes", None, "no"])
    model = regressor(lambda frame: np.zeros(len(frame)))
    for target, message in (([1.0, np.inf], "1 of 2 rows"), (["a", "b"], "must hold numbers")):
        columns = {"p": [0.0, 1.0], "y": target}
        table = write_table(tmp_path / message, columns, "y", "regression")
        with pytest.raises(InputError, match=message):
            assess(model, table, Settings())


def test_rows_of_one_class_are_judged_by_accuracy(tmp_path):
    _, result = checks(sound, tmp_path, y=["yes"] * 200)
    assert "accuracy" in result.scores
    with pytest.raises(InputError, match=r"Expected: one of \['accuracy'\]"):
        checks(sound, tmp_path / "two", Settings(metric="roc_auc"), y=["yes"] * 200)


def test_a_page_shows_the_worst_first_and_names_as_they_are(tmp_path):
    evil = "<script>$x$</script>"
    _, result = checks(sound, tmp_path, Settings(), ("p", evil), **{evil: [1.0, 2, 3, 4] * 50})
    html, markdown = result.report.html(), result.report.markdown()
    assert html.index("Checks that do not pass") < html.index("Checks that pass")
    for text in (html, markdown):
        assert "<script" not in text
    assert "&lt;script&gt;$x$&lt;/script&gt;" in html
    assert "roc_auc of disturbed rows" in html
    assert not re.findall(r"""\b(?:src|href|data|action)\s*=\s*["']?(?!["']?#)\S*""", html)
    assert all(re.fullmatch(r"[\w .:/-]+", name) for name in result.scores)


@pytest.mark.real_data
def test_adult_takes_seconds(tmp_path, real_table):
    import time

    import pyarrow.parquet as pq

    read = pq.read_table(real_table("adult.parquet"))
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in read.columns]
    table = pa.table(dict(zip(read.column_names, plain, strict=True)))
    shares = [
        write_table(
            tmp_path / name, dict(zip(part.column_names, part.columns, strict=True)), "class"
        )
        for name, part in (("train", table.slice(9769)), ("test", table.slice(0, 9769)))
    ]
    model = train_model(shares[0], 100)
    start = time.process_time()
    result = assess(model, shares[1], Settings(protected=["sex", "race"]))
    assert time.process_time() - start < 10
    assert result.scores["failed"] == 0
    assert result.scores["counterfactual.sex"] < 0.1
