"""Disturb the rows that a model reads, and see whether it holds: checks, a verdict and a report."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pyarrow as pa

from holdfast.errors import InputError
from holdfast.evaluation.assess_robustness import check, disturbances, invariants, page
from holdfast.evaluation.assess_robustness.check import Check, Limits
from holdfast.evaluation.assess_robustness.disturbances import Expectations
from holdfast.evaluation.assess_robustness.subject import (
    METRICS,
    Subject,
    ask,
    has_area,
    usual_metric,
)
from holdfast.evaluation.predictions import truth_of
from holdfast.model import Model, feature_frame, require_features
from holdfast.report import Report
from holdfast.table import Table
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Settings:
    """What is checked, and how; see the component."""

    metric: str = ""
    max_drop: float = 0.05
    on_drop: str = "warn"
    noise: Sequence[float] = (0.05, 0.1, 0.2)
    missing_shares: Sequence[float] = (0.05, 0.1, 0.2)
    monotonic: Mapping[str, str] = field(default_factory=dict)
    protected: Sequence[str] = ()
    max_flips: float = 0.05
    positive: str = ""
    max_rows: int = 3000
    confidence_level: float = 0.95
    seed: int = 42


@dataclass(frozen=True)
class Robustness:
    """What is known of how a model holds; `scores` are finite numbers by name."""

    scores: dict[str, float]
    checks: tuple[Check, ...]
    verdict: Verdict
    report: Report


def assess(model: Model, test: Table, settings: Settings) -> Robustness:
    """Judge how a model stands rows that are not as they should be.

    Args:
        model: The model.
        test: Rows it has not been trained on, with their target.
        settings: What is checked, and how.

    Raises:
        InputError: The table does not fit the model, or a setting does not fit one of the two.
    """
    _check_numbers(settings)
    require_features(test, model, "test")
    wanted = _expectations(settings, model, test)
    frame, truth = _sample(test, model, settings)
    metric = _metric(settings.metric, model, truth)
    answer = ask(model, frame)
    subject = Subject(model, frame, truth, answer.output, metric)
    outcome: check.Outcome = "fail" if settings.on_drop == "fail" else "warn"
    limits = Limits(settings.max_drop, settings.max_flips, settings.confidence_level, outcome)
    random = np.random.default_rng(settings.seed)
    answered = check.invariant(
        "answers", "test rows", answer.fault, "finite answers", "a finite answer for each row"
    )
    checks = [answered]
    if not answer.fault:
        checks.extend(invariants.check_all(subject, random))
        checks.extend(disturbances.check_all(subject, wanted, limits, random))
    verdict = check.decide(checks)
    scores = _scores(checks, subject)
    report = page.build(verdict, checks, subject, test.rows, settings)
    return Robustness(scores, tuple(checks), verdict, report)


def _check_numbers(settings: Settings) -> None:
    shares = [*settings.missing_shares]
    ranges = [
        ("max_drop", settings.max_drop >= 0, "at least 0"),
        ("max_flips", 0 <= settings.max_flips <= 1, "between 0 and 1"),
        ("on_drop", settings.on_drop in ("warn", "fail"), "warn or fail"),
        ("noise", all(level > 0 for level in settings.noise), "levels above 0"),
        ("missing_shares", all(0 < share < 1 for share in shares), "shares above 0 and below 1"),
        ("max_rows", settings.max_rows >= 2, "at least 2"),
        ("confidence_level", 0 < settings.confidence_level < 1, "above 0 and below 1"),
        ("seed", settings.seed >= 0, "at least 0"),
    ]
    for name, good, expected in ranges:
        if not good:
            raise InputError(f"`{name}` must be {expected}. Found: {getattr(settings, name)!r}.")


def _expectations(settings: Settings, model: Model, test: Table) -> Expectations:
    known = test.schema.names
    strange = [name for name in settings.protected if name not in known]
    if strange:
        raise InputError(
            f"`protected` must name columns of `test`. Found: {strange[:10]}, which is not among "
            f"{known[:30]}."
        )
    for name, direction in settings.monotonic.items():
        if name not in model.info.numeric or direction not in ("increasing", "decreasing"):
            raise InputError(
                f"`monotonic` must give increasing or decreasing for numeric features of `model`. "
                f"Found: {name!r} with {direction!r}. Its numeric features are "
                f"{list(model.info.numeric[:30])}."
            )
    positive = _positive(model, settings) if settings.monotonic else None
    return Expectations(
        settings.noise, settings.missing_shares, settings.monotonic, settings.protected, positive
    )


def _positive(model: Model, settings: Settings) -> Any:
    """Return the class whose probability must follow a column; None for regression."""
    classes = model.info.classes
    if len(classes) <= 2 and not settings.positive:
        return classes[-1] if classes else None
    named = [label for label in classes if str(label) == settings.positive]
    if not named:
        raise InputError(
            f"`positive` must name the class whose probability is monotonic. Expected: one of "
            f"{[str(label) for label in classes[:20]]}. Found: {settings.positive!r}."
        )
    return named[0]


def _sample(test: Table, model: Model, settings: Settings) -> "tuple[Any, npt.NDArray[Any]]":
    """Return the features and the truth of up to so many rows, drawn by the seed."""
    columns = [*model.info.features, model.info.target]
    if not test.rows:
        raise InputError("`test` must hold rows. Found: none. Pass another share of the table.")
    random = np.random.default_rng(settings.seed)
    size = min(settings.max_rows, test.rows)
    places = np.sort(random.choice(test.rows, size, replace=False))
    taken, first = [], 0
    for batch in test.batches(columns):
        inside = places[(places >= first) & (places < first + batch.num_rows)] - first
        taken.append(batch.take(pa.array(inside)))
        first += batch.num_rows
    rows = pa.Table.from_batches(taken)
    truth = truth_of(rows.column(model.info.target), model, "test")
    return feature_frame(rows, model.info.features), truth


def _metric(asked: str, model: Model, truth: "npt.NDArray[Any]") -> str:
    possible = METRICS[model.info.task or "regression"]
    if not has_area(model, truth):
        possible = tuple(name for name in possible if name != "roc_auc")
    if asked and asked not in possible:
        raise InputError(
            f"`metric` must be one that {model.info.task} has on these rows. Expected: one of "
            f"{list(possible)}. Found: {asked!r}. Leave it out for the usual one."
        )
    return asked or usual_metric(model, truth)


def _scores(checks: Sequence[Check], subject: Subject) -> dict[str, float]:
    """Return what the checks measured by names that KFP and MLflow take."""
    counts = [[c.outcome for c in checks].count(kind) for kind in get_args(check.Outcome)]
    scores: dict[str, float] = dict(zip(("failed", "warned", "passed"), counts, strict=True))
    if len(checks) > 1:
        scores[subject.metric] = subject.score().value
    worst = {"missing_feature": -math.inf, "unseen_category": -math.inf}
    for one in checks:
        if one.drop is None:
            continue
        if one.code in worst:
            worst[one.code] = max(worst[one.code], one.drop.value)
        else:
            of = f"{one.level:g}" if one.level else re.sub(r"[^\w .-]", "_", one.subject)
            scores[f"{one.code}.{of}"] = one.drop.value
    scores |= {f"{code}.worst_drop": drop for code, drop in worst.items()}
    return {name: value for name, value in scores.items() if math.isfinite(value)}
