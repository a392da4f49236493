"""Compare a challenger with a champion on the same rows: better, worse, or undecided."""

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.errors import InputError
from holdfast.evaluation import plots
from holdfast.evaluation.compare_models.paired import Pair, Test, compare, tests
from holdfast.evaluation.predictions import predict
from holdfast.model import Model, load_model
from holdfast.optional import is_there
from holdfast.performance.bootstrap import Interval, Resampling
from holdfast.performance.metrics import GATES, make_scorer, undefined
from holdfast.performance.predictions import Predictions
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.verdict import Decision, Reason, Verdict

DECISIONS: dict[str, Decision] = {
    "better": "pass",
    "not_worse": "pass",
    "undecided": "warn",
    "worse": "fail",
}
OUTCOMES = {
    "better": "The challenger is better",
    "not_worse": "The challenger is not worse by more than the margin",
    "undecided": "These rows cannot tell which model is better",
    "worse": "The challenger is worse",
}


@dataclass(frozen=True)
class Request:
    """How to compare: the usual metric if empty; the margin is a loss that would not matter."""

    metric: str = ""
    margin: float = 0.0
    resampling: Resampling = Resampling()  # noqa: RUF009  # frozen

    def __post_init__(self) -> None:
        """Refuse a margin below 0.

        Raises:
            InputError: The margin is negative or not a number.
        """
        if not self.margin >= 0:
            raise InputError(
                f"`margin` must be 0 or more, in the metric's unit. Found: {self.margin}. Use 0 to "
                f"pass only what is better."
            )


@dataclass(frozen=True)
class Comparison:
    """What is known of two models; `pairs` is empty where there was no champion."""

    pairs: Mapping[str, Pair]
    scores: dict[str, float]
    verdict: Verdict
    report: Report


def ask(
    metric: str, margin: float, n_resamples: int, confidence_level: float, seed: int
) -> Request:
    """Return a request from plain values.

    Raises:
        InputError: One of them is out of its range.
    """
    return Request(metric, margin, Resampling(n_resamples, confidence_level, seed))


def load_champion(path: str) -> Model | None:
    """Load the champion; an empty path, a file of no bytes or an empty folder is none yet.

    Raises:
        InputError: There is something, but no model.
    """
    if not is_there(path):
        return None
    return load_model(path, "champion")


def compare_models(
    challenger: Model, champion: Model | None, test: Table, request: Request
) -> Comparison:
    """Compare two models on rows that neither has seen.

    Raises:
        InputError: A model does not fit the table or the other one, or the metric not the task.
    """
    new = predict(challenger, test)
    if champion is None:
        metric = _metric(request, new, new)
        return _alone(new, metric)
    _require_alike(challenger, champion)
    old = predict(champion, test)
    metric = _metric(request, old, new)
    pairs = compare(old, new, request.resampling)
    if metric not in pairs:
        raise InputError(
            f"`test` must hold enough rows for {metric}: two of different target at least. Found: "
            f"too few or all alike. Pass a larger share."
        )
    outcome = judge(pairs[metric].gain(metric), request.margin)
    reason = _reason(outcome, metric, pairs[metric], request)
    warnings = _seen(challenger, champion, test)
    decision = DECISIONS[outcome]
    verdict = Verdict("warn" if warnings and decision == "pass" else decision, (reason, *warnings))
    report = _report(verdict, metric, pairs, tests(old, new), request, test.rows)
    return Comparison(pairs, _scores(pairs), verdict, report)


def judge(gain: Interval, margin: float) -> str:
    """Return better, not_worse (by as much as the margin), worse (by more) or undecided."""
    if gain.low > 0:
        return "better"
    if gain.low > -margin:
        return "not_worse"
    return "worse" if gain.high < -margin else "undecided"


def _metric(request: Request, old: Predictions, new: Predictions) -> str:
    cannot = undefined(old) | undefined(new)
    possible = [name for name in GATES[new.task] if name not in cannot]
    metric = request.metric or possible[0]
    if metric not in possible:
        raise InputError(
            f"`metric` must be one that {new.task} has here. Expected: one of {possible}. Found: "
            f"{metric!r}. Leave it out to use {possible[0]}."
        )
    return metric


def _require_alike(challenger: Model, champion: Model) -> None:
    ours, theirs = challenger.info, champion.info
    if (ours.target, ours.task) != (theirs.target, theirs.task):
        raise InputError(
            f"`champion` must predict what `challenger` does: {ours.target!r} ({ours.task}). "
            f"Found: {theirs.target!r} ({theirs.task}). Pass a model of the same question."
        )
    if set(ours.classes) != set(theirs.classes):
        raise InputError(
            f"`champion` must know the classes of `challenger`, {list(ours.classes[:10])}. Found: "
            f"{list(theirs.classes[:10])}. Metrics over different classes cannot be compared."
        )


def _reason(outcome: str, metric: str, pair: Pair, request: Request) -> Reason:
    d, share = pair.difference, 100 * request.resampling.confidence_level
    margin = f" The margin is {request.margin:.6g}." if request.margin else ""
    decision = DECISIONS[outcome]
    return Reason(
        code=outcome,
        subject=metric,
        observed=f"{d.value:.6g} ({d.low:.6g} to {d.high:.6g})",
        expected=f"a gain above {-request.margin or 0:.6g}",
        message=(
            f"{OUTCOMES[outcome]}: {metric} is {pair.challenger:.6g} against {pair.champion:.6g} "
            f"of the champion, a difference of {d.value:.6g} ({share:g} % interval {d.low:.6g} to "
            f"{d.high:.6g}).{margin}"
        ),
        effect="" if decision == "pass" else decision,
    )


def _seen(challenger: Model, champion: Model, test: Table) -> tuple[Reason, ...]:
    """Return a warning for each model that was trained on the test table."""
    models = {"challenger": challenger, "champion": champion}
    return tuple(
        Reason(
            code="test_is_training_table",
            subject=name,
            observed="the sha256 of its training table",
            expected="rows that neither model has seen",
            message=f"The test table is the one that the {name} was trained on: the comparison "
            f"favours it.",
            effect="warn",
        )
        for name, model in models.items()
        if test.sha256 and test.sha256 == model.info.trained_on
    )


def _scores(pairs: Mapping[str, Pair]) -> dict[str, float]:
    scores = {}
    for name, pair in pairs.items():
        scores[f"{name}_challenger"] = pair.challenger
        scores[f"{name}_champion"] = pair.champion
        scores[f"{name}_difference"] = pair.difference.value
        scores[f"{name}_difference_low"] = pair.difference.low
        scores[f"{name}_difference_high"] = pair.difference.high
    return scores


def _alone(new: Predictions, metric: str) -> Comparison:
    import numpy as np

    scorer = make_scorer(new, GATES[new.task])
    values = dict(zip(scorer.names, scorer().tolist(), strict=True))
    values = {name: value for name, value in values.items() if np.isfinite(value)}
    message = "There is no champion to compare with: nothing is known of the challenger's gain."
    observed = f"{values[metric]:.6g}" if metric in values else "not defined for these rows"
    reason = Reason("no_champion", metric, observed, "a champion", message, "no_baseline")
    rows = Rows("Challenger", ("metric", "value"), tuple(values.items()))
    report = Report("Model comparison", "no_baseline", (Paragraph(message), rows))
    scores = {f"{name}_challenger": value for name, value in values.items()}
    return Comparison({}, scores, Verdict("no_baseline", (reason,)), report)


def _report(
    verdict: Verdict,
    metric: str,
    pairs: Mapping[str, Pair],
    found: tuple[Test, ...],
    request: Request,
    rows: int,
) -> Report:
    share, n_resamples = 100 * request.resampling.confidence_level, request.resampling.n_resamples
    table = tuple(
        (name, p.champion, p.challenger, p.difference.value, p.difference.low, p.difference.high)
        for name, p in pairs.items()
    )
    columns = ("metric", "champion", "challenger", "difference", f"{share:g} % from", "to")
    facts = f"{rows:,} rows, the same for both; {n_resamples} paired bootstrap draws."
    blocks: list[Block] = [
        *(Paragraph(reason.message) for reason in verdict.reasons),
        Paragraph(facts),
        Rows("Challenger less champion", columns, table),
        Figure("Gain of the challenger", _plot(metric, pairs, request.margin)),
    ]
    if found:
        tested = tuple((t.name, t.subject, t.statistic, t.p_value) for t in found)
        blocks.append(Rows("Tests", ("test", "of", "found", "p value"), tested))
    return Report("Model comparison", verdict.decision, tuple(blocks))


def _plot(metric: str, pairs: Mapping[str, Pair], margin: float) -> str:
    """Draw the gains in the metrics of the same unit as the one that decides."""
    unitless = {"r2", "mape"} if "r2" in pairs else set(pairs) - {"log_loss"}
    names = [name for name in pairs if (name in unitless) == (metric in unitless)]
    names = [metric, *(name for name in names if name != metric)]
    label = "gain of the challenger: more is better" + (", margin dotted" if margin else "")
    return plots.intervals([(n, pairs[n].gain(n)) for n in names], 0.0, label, -margin)
