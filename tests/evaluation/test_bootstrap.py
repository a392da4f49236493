"""Bootstrap intervals: they cover, they repeat, and they need no memory."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import norm

from holdfast.evaluation.compare_models.paired import compare
from holdfast.performance.bootstrap import Resampling, counts, ends_of, intervals
from holdfast.performance.metrics import make_scorer
from holdfast.performance.predictions import Predictions

LABELS = np.array(["no", "yes"], dtype=object)
SEEDS = range(1000, 1300)
ROWS = 600
DRAWS = 200


def from_scores(truth, scores):
    """Return predictions that answer `yes` above 0."""
    p = norm.cdf(scores)
    answers = LABELS[(scores > 0).astype(int)]
    rows = np.column_stack([1 - p, p])
    return Predictions("classification", LABELS[truth.astype(int)], answers, rows, ("no", "yes"))


def binormal(generator, distance, rows=ROWS):
    """Return rows whose scores are normal around -distance / 2 and distance / 2."""
    truth = generator.random(rows) < 0.4
    return from_scores(truth, generator.normal(size=rows) + distance * (truth - 0.5))


def area(distance):
    return norm.cdf(distance / np.sqrt(2))


def share(distance):
    return norm.cdf(distance / 2)


def covered(found, known):
    return [found[name].low <= value <= found[name].high for name, value in known.items()]


def assert_covers(hits):
    shares = np.mean(hits, axis=0)
    assert ((shares >= 0.93) & (shares <= 0.97)).all(), shares


def test_intervals_of_classes_cover_the_known_answer():
    known = {"roc_auc": area(1.5), "accuracy": share(1.5)}
    hits = []
    for seed in SEEDS:
        predicted = binormal(np.random.default_rng(seed), 1.5)
        found = intervals(predicted, Resampling(DRAWS, 0.95, seed), tuple(known))
        hits.append(covered(found, known))
    assert_covers(hits)


def test_intervals_of_numbers_cover_the_known_answer():
    known = {"r2": 1 - 0.25 / 1.25, "rmse": 0.5}
    hits = []
    for seed in SEEDS:
        generator = np.random.default_rng(seed)
        answers = generator.normal(size=ROWS)
        truth = answers + 0.5 * generator.normal(size=ROWS)
        predicted = Predictions("regression", truth, answers, np.empty((0, 0)))
        found = intervals(predicted, Resampling(DRAWS, 0.95, seed), tuple(known))
        hits.append(covered(found, known))
    assert_covers(hits)


def test_intervals_of_a_difference_cover_the_known_answer():
    known = {"roc_auc": area(1.5) - area(1.2), "accuracy": share(1.5) - share(1.2)}
    hits = []
    for seed in SEEDS:
        generator = np.random.default_rng(seed)
        truth = generator.random(ROWS) < 0.4
        # What is hard for one model is hard for the other.
        common = 0.8 * generator.normal(size=ROWS)
        models = [
            from_scores(truth, common + 0.6 * generator.normal(size=ROWS) + d * (truth - 0.5))
            for d in (1.2, 1.5)
        ]
        pairs = compare(*models, Resampling(DRAWS, 0.95, seed), tuple(known))
        hits.append(covered({name: pair.difference for name, pair in pairs.items()}, known))
    assert_covers(hits)


def test_the_mean_area_of_many_classes_has_the_spread_of_the_exact_bootstrap():
    generator = np.random.default_rng(0)
    names = np.array(["a", "b", "c"], dtype=object)
    p = generator.dirichlet([1, 1, 1], 400)
    truth = names[[generator.choice(3, p=row) for row in p]]
    predicted = Predictions("classification", truth, names[p.argmax(1)], p, tuple(names))
    found = intervals(predicted, Resampling(100), ("roc_auc",))["roc_auc"]
    exact = []
    for drawn in counts(400, Resampling(100)):
        again = predicted.take(np.repeat(np.arange(400), drawn))
        exact.append(make_scorer(again, ("roc_auc",))()[0])
    # The same draws: what differs is of the second order, a tenth of the interval's width at most.
    assert (found.low, found.high) == pytest.approx(ends_of(np.array(exact), 0.95), abs=0.003)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    predicted = binormal(np.random.default_rng(0), 1.5)
    first, second, other = (intervals(predicted, Resampling(50, 0.95, seed)) for seed in (1, 1, 2))
    assert first == second
    assert first["roc_auc"] != other["roc_auc"]


def test_a_higher_level_gives_a_wider_interval():
    predicted = binormal(np.random.default_rng(0), 1.5)
    widths = []
    for level in (0.5, 0.9, 0.99):
        found = intervals(predicted, Resampling(300, level))["accuracy"]
        widths.append(found.high - found.low)
    assert widths == sorted(widths)


def test_a_draw_counts_as_many_rows_as_there_are():
    drawn = list(counts(1000, Resampling(20)))
    assert {int(draw.sum(dtype=int)) for draw in drawn} == {1000}
    # The chance that a row is left out is 1 / e.
    assert np.mean([(draw == 0).mean() for draw in drawn]) == pytest.approx(1 / np.e, abs=0.01)


def test_memory_does_not_grow_with_the_draws():
    predicted = binormal(np.random.default_rng(0), 1.5, 50_000)
    peaks = []
    for draws in (20, 80):
        tracemalloc.start()
        intervals(predicted, Resampling(draws))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize(("value", "low", "high"), [(1, 0.025**0.05, 1), (0, 0, 1 - 0.025**0.05)])
def test_rows_that_are_all_right_or_all_wrong_leave_room_for_luck(value, low, high):
    truth = np.arange(20) % 2 == 1
    scores = (2.0 * truth - 1) * (1 if value else -1)
    found = intervals(from_scores(truth, scores), Resampling(50))["accuracy"]
    assert (found.low, found.high) == pytest.approx((low, high))


def test_draws_that_are_mostly_undefined_have_no_ends():
    draws = np.full(100, np.nan)
    draws[:40] = 0.5
    assert ends_of(draws, 0.95) is None
    draws[:60] = 0.5
    assert ends_of(draws, 0.95) == (0.5, 0.5)
