"""Metrics under weights: scikit-learn's, for random rows with ties and absent classes."""

import numpy as np
import pytest
from sklearn import metrics as sk

from holdfast.performance.metrics import (
    GATES,
    LOWER_IS_BETTER,
    OneAgainstRest,
    make_scorer,
    placements,
)
from holdfast.performance.predictions import Predictions, codes

SEEDS = range(6)


def random_rows(count, classes, seed, dtype=np.float64):
    """Return predictions of which many have the same scores; every second time a class lacks."""
    generator = np.random.default_rng(seed)
    names = np.array([f"class {n}" for n in range(classes)], dtype=object)
    scores = np.round(generator.dirichlet(np.ones(classes), count) * 6) + 1e-3
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(dtype)
    present = classes - (seed % 2 if classes > 2 else 0)
    truth = names[generator.integers(0, present, count)]
    answers = names[probabilities.argmax(axis=1)]
    return Predictions("classification", truth, answers, probabilities, tuple(names.tolist()))


def random_numbers(count, seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(1, 9, count).astype(float)
    return Predictions("regression", truth, truth + generator.normal(size=count), np.empty((0, 0)))


def weights_of(count, seed):
    generator = np.random.default_rng(100 + seed)
    drawn = np.bincount(generator.integers(0, count, count), minlength=count)
    return (None, np.ones(count), drawn.astype(np.uint8), generator.random(count))


def values(predicted, weights):
    scorer = make_scorer(predicted)
    return dict(zip(scorer.names, scorer(weights).tolist(), strict=True))


def classification(predicted, weights):
    """Return the same metrics by scikit-learn."""
    truth, answers, p = predicted.truth, predicted.answers, predicted.probabilities
    labels = list(predicted.classes)
    counts = None if weights is None else weights.astype(float)
    macro = {"labels": labels, "average": "macro", "zero_division": 0, "sample_weight": counts}
    expected = {
        "accuracy": sk.accuracy_score(truth, answers, sample_weight=counts),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, answers, sample_weight=counts),
        "precision": sk.precision_score(truth, answers, **macro),
        "recall": sk.recall_score(truth, answers, **macro),
        "f1": sk.f1_score(truth, answers, **macro),
        "log_loss": sk.log_loss(truth, p, labels=labels, sample_weight=counts),
        "brier": sk.brier_score_loss(truth, p, labels=labels, sample_weight=counts),
    }
    if predicted.binary:
        member = truth == labels[1]
        expected["roc_auc"] = sk.roc_auc_score(member, p[:, 1], sample_weight=counts)
        expected["average_precision"] = sk.average_precision_score(
            member, p[:, 1], sample_weight=counts
        )
    elif weights is None:
        there = [n for n, label in enumerate(labels) if label in truth]
        members = [(truth == labels[n], p[:, n]) for n in there]
        expected["roc_auc"] = np.mean([sk.roc_auc_score(*member) for member in members])
        expected["average_precision"] = np.mean(
            [sk.average_precision_score(*member) for member in members]
        )
    return expected


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_classes_are_scikit_learns_under_any_weights(seed, classes, dtype):
    predicted = random_rows(40 + 31 * seed, classes, seed, dtype)
    for weights in weights_of(predicted.rows, seed):
        expected = classification(predicted, weights)
        found = values(predicted, weights)
        assert {m: found[m] for m in expected} == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_numbers_are_scikit_learns_under_any_weights(seed):
    predicted = random_numbers(30 + 17 * seed, seed)
    truth, answers = predicted.truth, predicted.answers
    for weights in weights_of(predicted.rows, seed):
        expected = {
            "r2": sk.r2_score(truth, answers, sample_weight=weights),
            "rmse": sk.root_mean_squared_error(truth, answers, sample_weight=weights),
            "mae": sk.mean_absolute_error(truth, answers, sample_weight=weights),
            "mape": sk.mean_absolute_percentage_error(truth, answers, sample_weight=weights),
        }
        assert values(predicted, weights) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_that_weighs_two_is_two_rows(seed):
    predicted = random_rows(60, 2, seed)
    counts = np.random.default_rng(seed).integers(0, 3, 60)
    again = predicted.take(np.repeat(np.arange(60), counts))
    assert values(predicted, counts) == pytest.approx(values(again, None))


def test_the_area_of_many_classes_under_weights_is_right_to_the_first_order():
    predicted = random_rows(3000, 4, 0)
    (part,) = make_scorer(predicted, ("roc_auc",)).parts
    assert isinstance(part, OneAgainstRest)
    generator = np.random.default_rng(1)
    shifts, errors = [], []
    for _ in range(10):
        counts = np.bincount(generator.integers(0, 3000, 3000), minlength=3000)
        areas = [
            sk.roc_auc_score(
                predicted.truth_codes == n, predicted.probabilities[:, n], sample_weight=counts
            )
            for n in range(4)
        ]
        exact = float(np.mean(areas))
        shifts.append(abs(exact - part.roc_auc))
        errors.append(abs(exact - part(counts)[0]))
    assert np.mean(errors) < 0.05 * np.mean(shifts)


def test_placements_have_the_area_as_their_mean_in_either_class():
    predicted = random_rows(200, 2, 3)
    members, scores = predicted.truth_codes == 1, predicted.probabilities[:, 1]
    placed, area = placements(scores, members), sk.roc_auc_score(members, scores)
    assert placed[members].mean() == pytest.approx(area, rel=1e-12)
    assert placed[~members].mean() == pytest.approx(area, rel=1e-12)


@pytest.mark.parametrize("constant", [0.1, 0.0, 7.0])
def test_r2_is_not_defined_for_a_constant_target(constant):
    predicted = Predictions("regression", np.full(9, constant), np.arange(9.0), np.empty((0, 0)))
    assert np.isnan(values(predicted, None)["r2"])
    assert np.isnan(values(predicted, np.arange(9))["r2"])


def test_r2_keeps_its_digits_far_from_zero():
    near, far = random_numbers(200, 0), random_numbers(200, 0)
    far = Predictions("regression", far.truth + 1e8, far.answers + 1e8, far.probabilities)
    assert values(far, None)["r2"] == pytest.approx(values(near, None)["r2"], abs=1e-7)


def test_a_draw_without_one_of_two_classes_has_no_area():
    predicted = random_rows(50, 2, 0)
    only = (predicted.truth_codes == 1).astype(np.uint8)
    assert np.isnan(make_scorer(predicted, ("roc_auc",))(only)).all()


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.array([True, False]), (False, True), [1, 0]),
        (np.array([7, 5, 6]), (5, 7), [1, 0, -1]),
        (np.array(["b", None, "a"], dtype=object), ("a", "b"), [1, -1, 0]),
    ],
)
def test_labels_of_any_type_have_codes(labels, classes, expected):
    assert codes(labels, classes).tolist() == expected


def test_every_metric_of_a_gate_is_worked_out_and_known_as_good_or_bad():
    for predicted in (random_rows(50, 2, 0), random_numbers(50, 0)):
        assert set(GATES[predicted.task]) <= set(make_scorer(predicted).names)
    assert set(GATES["classification"]) & LOWER_IS_BETTER == {"log_loss", "brier"}
    assert set(GATES["regression"]) - LOWER_IS_BETTER == {"r2"}
