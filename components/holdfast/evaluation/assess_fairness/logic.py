"""Tell whether a model treats groups alike: metrics with intervals, a verdict and a report."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holdfast.errors import InputError
from holdfast.evaluation.assess_fairness import judging, page, rates
from holdfast.evaluation.assess_fairness.judging import Finding, Limits
from holdfast.evaluation.assess_fairness.rates import Measure
from holdfast.evaluation.groups import Groups, group_rows
from holdfast.evaluation.predictions import predict
from holdfast.model import Model
from holdfast.performance.bootstrap import Interval
from holdfast.performance.predictions import Predictions
from holdfast.report import Report
from holdfast.table import Table
from holdfast.verdict import Reason, Verdict


@dataclass(frozen=True)
class Settings:
    """What is judged, and how; see the component."""

    sensitive: Sequence[str] = ()
    positive: str = ""
    gates: Sequence[str] = ()
    max_difference: float = 0.1
    min_ratio: float = 0.8
    max_ratio: float = 1.25
    min_group_rows: int = 30
    bins: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reference: Mapping[str, str] = field(default_factory=dict)
    confidence_level: float = 0.95
    n_resamples: int = 1000
    seed: int = 42


@dataclass(frozen=True)
class Judged:
    """One sensitive column, or pair of them: its groups, their figures, and what was found."""

    groups: Groups
    reference: int
    measures: dict[str, Measure]
    findings: tuple[Finding, ...]
    notes: tuple[Reason, ...]


@dataclass(frozen=True)
class Fairness:
    """What is known of how a model treats groups; `scores` are finite numbers by name."""

    scores: dict[str, float]
    verdict: Verdict
    report: Report
    columns: tuple[Judged, ...] = ()


def assess(model: Model, test: Table, settings: Settings) -> Fairness:
    """Judge how a model treats groups.

    Args:
        model: The model.
        test: Rows it has not been trained on, with their target and the sensitive columns.
        settings: What is judged, and how.

    Raises:
        InputError: The table does not fit the model, or a setting does not fit the table.
    """
    gates = _checked(settings, model)
    if not settings.sensitive:
        verdict = judging.no_column()
        return Fairness({}, verdict, page.unknown(verdict))
    groups = group_rows(test, settings.sensitive, settings.bins, "sensitive")
    positive = _positive(model, settings.positive)
    predicted = predict(model, test)
    random = np.random.default_rng(settings.seed)
    limits = Limits(
        settings.max_difference,
        settings.min_ratio,
        settings.max_ratio,
        1.0 if predicted.classes else float(np.std(predicted.truth)),
    )
    columns = tuple(
        _judge(one, _measures(predicted, positive, one, settings, random), gates, limits, settings)
        for one in groups
    )
    theil = _theil(predicted, positive, settings, random)
    verdict = judging.decide(
        [finding for column in columns for finding in column.findings],
        [note for column in columns for note in column.notes],
    )
    reliability = _reliability(predicted, positive)
    report = page.build(verdict, columns, positive, theil, reliability, settings)
    return Fairness(_scores(columns, theil), verdict, report, columns)


def _checked(settings: Settings, model: Model) -> tuple[str, ...]:
    """Return the metrics that decide, after a look at all settings."""
    ranges = [
        ("max_difference", settings.max_difference > 0, "above 0"),
        ("min_ratio", 0 < settings.min_ratio <= 1, "above 0 and at most 1"),
        ("max_ratio", settings.max_ratio >= 1, "at least 1"),
        ("min_group_rows", settings.min_group_rows >= 2, "at least 2"),
        ("confidence_level", 0 < settings.confidence_level < 1, "above 0 and below 1"),
        ("n_resamples", settings.n_resamples >= 100, "at least 100"),
        ("seed", settings.seed >= 0, "at least 0"),
    ]
    for name, good, expected in ranges:
        if not good:
            raise InputError(f"`{name}` must be {expected}. Found: {getattr(settings, name)}.")
    classify = model.info.task == "classification"
    possible = judging.CLASSIFICATION if classify else judging.REGRESSION
    unknown = [gate for gate in settings.gates if gate not in possible]
    if unknown:
        raise InputError(
            f"`gates` must list metrics that {model.info.task} has. Expected: some of "
            f"{list(possible)}. Found: {unknown[:10]}. Leave it empty for the usual ones."
        )
    for name, asked in (("reference", settings.reference), ("bins", settings.bins)):
        named = {part.strip() for entry in settings.sensitive for part in entry.split(",")}
        strange = [column for column in asked if column not in {*settings.sensitive, *named}]
        if strange:
            raise InputError(
                f"`{name}` must be given by columns of `sensitive`. Found: {strange[:10]}. "
                f"Expected: some of {list(settings.sensitive)}."
            )
    return tuple(settings.gates) or judging.USUAL_GATES[model.info.task]


def _positive(model: Model, asked: str) -> Any:
    """Return the label of the answer whose rates are compared; None for regression."""
    classes = model.info.classes
    named = [label for label in classes if str(label) == asked]
    if asked and not named:
        raise InputError(
            f"`positive` must be a class that `model` knows. Expected: one of "
            f"{[str(label) for label in classes[:20]]}. Found: {asked!r}."
        )
    if not asked and len(classes) > 2:
        raise InputError(
            f"`positive` must name the answer whose rates are compared, for `model` knows more "
            f"than two. Expected: one of {[str(label) for label in classes[:20]]}. Found: nothing."
        )
    if not classes:
        return None
    return named[0] if named else classes[-1]


def _measures(
    predicted: Predictions, positive: Any, groups: Groups, settings: Settings, random: Any
) -> dict[str, Measure]:
    n_resamples = settings.n_resamples
    if not predicted.classes:
        error = np.abs(predicted.answers - predicted.truth)
        told = [
            rates.mean("mean_answer", predicted.answers, groups, n_resamples, random),
            rates.mean("mean_absolute_error", error, groups, n_resamples, random),
        ]
        return {measure.name: measure for measure in told}
    truth, answers = predicted.truth == positive, predicted.answers == positive
    gap = predicted.probabilities[:, predicted.classes.index(positive)] - truth
    result = rates.shares(truth, answers, groups, n_resamples, random)
    result["calibration_gap"] = rates.mean("calibration_gap", gap, groups, n_resamples, random)
    return result


def _judge(
    groups: Groups,
    measures: dict[str, Measure],
    gates: tuple[str, ...],
    limits: Limits,
    settings: Settings,
) -> Judged:
    reference = _reference(groups, settings)
    if len(groups.labels) < 2:
        note = judging.one_group(groups.name, groups.labels[0])
        return Judged(groups, reference, measures, (), (note,))
    found = []
    for metric, names in judging.SPREADS.items():
        if all(name in measures for name in names):
            told = [measures[name] for name in names]
            found.append((metric, "", *_spread(metric, told, settings)))
    if "selection_rate" in measures:
        found.extend(_against(groups, measures["selection_rate"], reference, settings))
    findings = tuple(
        Finding(groups.name, metric, group, everyone, judged, limits.text(metric),
                judging.outcome(judged, limits.of(metric)) if metric in gates else "")
        for metric, group, everyone, judged in found
    )  # fmt: skip
    notes = _small(groups, measures, gates, settings.min_group_rows)
    return Judged(groups, reference, measures, findings, notes)


def _reference(groups: Groups, settings: Settings) -> int:
    asked = settings.reference.get(groups.name)
    if asked is None:
        return int(groups.rows.argmax())
    if asked not in groups.labels:
        raise InputError(
            f"`reference` must name a group of {groups.name!r}. Expected: one of "
            f"{list(groups.labels[:20])}. Found: {asked!r}. Leave it out for the largest group."
        )
    return groups.labels.index(asked)


def _spread(
    metric: str, measures: Sequence[Measure], settings: Settings
) -> tuple[float, Interval | None]:
    """Return a metric over all groups that have any rows, and that of those with enough."""
    ratio = metric.endswith("_ratio")
    everyone = _comparable(measures, 1)
    judged = _comparable(measures, settings.min_group_rows)
    value = (rates.least if ratio else rates.widest)(everyone) if everyone else math.nan
    tell = rates.ratio if ratio else rates.difference
    return value, tell(judged, settings.confidence_level) if judged else None


def _comparable(measures: Sequence[Measure], rows: int) -> list[Measure]:
    """Return the measures of the groups with so many rows, where there are two of them.

    A measure of fewer groups says nothing, and leaves the others to tell.
    """
    kept = [measure.of(measure.base >= rows) for measure in measures]
    return [measure for measure in kept if len(measure.values) > 1]


def _against(
    groups: Groups, measure: Measure, reference: int, settings: Settings
) -> list[tuple[str, str, float, Interval | None]]:
    result: list[tuple[str, str, float, Interval | None]] = []
    known = measure.base >= settings.min_group_rows
    for group, label in enumerate(groups.labels):
        if group == reference or not known[group]:
            continue
        told = rates.against(measure, group, reference, settings.confidence_level)
        for metric, interval in zip(judging.AGAINST, told, strict=True):
            judged = interval if known[reference] else None
            result.append((metric, label, interval.value, judged))
    return result


def _small(
    groups: Groups, measures: dict[str, Measure], gates: tuple[str, ...], minimum: int
) -> tuple[Reason, ...]:
    """Name the groups that are too small, or have too few rows for a measure that decides."""
    kinds = {"true_positive_rate": "rows that are positive", "false_positive_rate": "rows that "
             "are negative"}  # fmt: skip
    used = {name for gate in gates for name in judging.SPREADS.get(gate, ())}
    small = groups.rows < minimum
    bases: list[tuple[str, Any, Any]] = [("rows", groups.rows, small)]
    for name in sorted(used & set(kinds)):
        base = measures[name].base
        bases.append((kinds[name], base, (base < minimum) & ~small))
    result = []
    for said, base, few in bases:
        named = [f"{groups.labels[code]} ({base[code]})" for code in np.flatnonzero(few)]
        if named:
            result.append(judging.small_groups(groups.name, said, named, minimum))
    return tuple(result)


def _theil(
    predicted: Predictions, positive: Any, settings: Settings, random: Any
) -> Interval | None:
    if not predicted.classes:
        return None
    truth, answers = predicted.truth == positive, predicted.answers == positive
    return rates.theil(truth, answers, settings.n_resamples, settings.confidence_level, random)


def _reliability(predicted: Predictions, positive: Any) -> "page.Reliability | None":
    if not predicted.classes:
        return None
    index = predicted.classes.index(positive)
    return predicted.truth == positive, predicted.probabilities[:, index]


def _scores(columns: Sequence[Judged], theil: Interval | None) -> dict[str, float]:
    """Return the metrics by names that KFP and MLflow take; of groups, that of the worst one."""
    worst: dict[tuple[str, str], Finding] = {}
    for finding in (finding for column in columns for finding in column.findings):
        key = finding.column, finding.metric
        if key not in worst or _distance(finding) > _distance(worst[key]):
            worst[key] = finding
    scores = {}
    for finding in worst.values():
        name = re.sub(r"[^\w .-]", "_", f"{finding.column}.{finding.metric}")
        scores[name] = finding.everyone
        if finding.judged is not None:
            if finding.judged.value != finding.everyone:
                scores[f"{name}.judged"] = finding.judged.value
            scores[f"{name}.low"] = finding.judged.low
            scores[f"{name}.high"] = finding.judged.high
    if theil is not None:
        scores |= {"theil_index": theil.value, "theil_index.low": theil.low}
        scores["theil_index.high"] = theil.high
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def _distance(finding: Finding) -> float:
    """Tell how far a group is from the reference."""
    value = finding.everyone
    if finding.metric == "disparate_impact":
        return abs(math.log(value)) if value > 0 else math.inf
    return abs(value)
