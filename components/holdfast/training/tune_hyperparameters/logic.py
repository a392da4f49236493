"""Search for good parameters with Optuna, by cross-validation on the training share."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import monotonic
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.model import Model
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.training import estimators, plots
from holdfast.training.estimators import EstimatorSpec
from holdfast.training.folds import Fold, Plan, fold
from holdfast.training.scoring import Metric, choose, score
from holdfast.training.tune_hyperparameters.space import Space, read_space
from holdfast.training.tune_hyperparameters.storage import open_storage
from holdfast.writing import write_text

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

PRUNERS = ("median", "hyperband", "none")
SHOWN_TRIALS = 20


@dataclass(frozen=True)
class Budget:
    """When to stop: after `n_trials` of the study, by all its workers, or here after so long.

    `timeout_seconds` of 0 is no limit of time.
    """

    n_trials: int = 30
    timeout_seconds: float = 0


@dataclass(frozen=True)
class Search:
    """How to search; `worker` is 0 alone, and 1, 2, ... for those that share a study."""

    estimator: str = "xgboost"
    space: str = ""
    metric: str = ""
    pruner: str = "median"
    storage: str = ""
    worker: int = 0
    seed: int = 42


@dataclass(frozen=True)
class Trials:
    """What a study knows; `finished` are the trials with a score and those that were pruned."""

    metric: Metric
    estimator: str
    parameters: dict[str, Any]
    value: float
    finished: tuple[dict[str, Any], ...]
    importance: dict[str, float]
    report: Report

    @property
    def pruned(self) -> int:
        """How many trials were given up before their last fold."""
        return sum(trial["state"] == "PRUNED" for trial in self.finished)

    def best(self) -> str:
        """Return the best parameters as JSON, which is YAML, too."""
        return json.dumps(self.parameters, sort_keys=True)

    def write(self, best_path: str | Path, study_path: str | Path) -> None:
        """Write the best parameters, and the study with every finished trial, as JSON."""
        write_text(best_path, self.best() + "\n")
        study = {
            "estimator": self.estimator,
            "metric": self.metric.name,
            "best": {"value": self.value, "parameters": self.parameters},
            "importance": self.importance,
            "trials": list(self.finished),
        }
        write_text(study_path, json.dumps(study, indent=1) + "\n")

    def metrics(self) -> dict[str, float]:
        """Return what the metrics artifact shows."""
        counts = {"trials": len(self.finished), "pruned_trials": self.pruned}
        return {f"best_{self.metric.name}": self.value, **counts}


def tune(table: Table, transformer: Model, plan: Plan, search: Search, budget: Budget) -> Trials:
    """Search until the study has its trials, or the time is over.

    A study that is there already is gone on with: only what is missing of its trials is run.

    Args:
        table: The training share.
        transformer: A fitted transformer; its steps are fitted anew in each fold.
        plan: How to fold.
        search: How to search.
        budget: When to stop.

    Raises:
        InputError: An input does not fit.
    """
    if budget.n_trials < 1 or budget.timeout_seconds < 0:
        raise InputError(
            f"`n_trials` must be at least 1 and `timeout_seconds` at least 0. Found: "
            f"{budget.n_trials} and {budget.timeout_seconds}."
        )
    folds = fold(table, transformer, plan)
    metric = choose(search.metric, table.task)
    space = read_space(search.space, search.estimator)
    estimators.refuse_codes(transformer, search.estimator)
    with _quiet_optuna():
        study = _open(search, space, plan, metric, transformer, table)
        if _left(study, budget) > 0:
            _work(study, tuple(folds), search, space, metric, budget)
        return _summary(study, search, space, metric, table, plan)


def _open(
    search: Search, space: Space, plan: Plan, metric: Metric, transformer: Model, table: Table
) -> "Study":
    import optuna

    if search.pruner not in PRUNERS:
        raise InputError(f"`pruner` must be one of {PRUNERS}. Found: {search.pruner!r}.")
    pruners = {
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=5),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=plan.count),
        "none": optuna.pruners.NopPruner,
    }
    settings = (transformer.info.metadata(), table.sha256, search.estimator, space.describe(),
                vars(plan), metric.name, search.pruner, search.seed)  # fmt: skip
    text = json.dumps(settings, sort_keys=True, default=str)
    # Of other rows or another space the scores are not to be compared: that is another study.
    name = f"holdfast-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return optuna.create_study(
        storage=open_storage(search.storage),
        study_name=name,
        direction="maximize" if metric.higher_is_better else "minimize",
        pruner=pruners[search.pruner](),
        load_if_exists=True,
    )


def _work(
    study: "Study",
    folds: Sequence[Fold],
    search: Search,
    space: Space,
    metric: Metric,
    budget: Budget,
) -> None:
    started = monotonic()
    while _left(study, budget) > 0:
        study.sampler = _sampler(len(_finished(study)), search, space)
        # One at a time: optimize also finds the trials of workers that died.
        study.optimize(lambda trial: _run(trial, folds, search, space, metric), n_trials=1)
        if budget.timeout_seconds and monotonic() - started >= budget.timeout_seconds:
            return


def _sampler(finished: int, search: Search, space: Space) -> "BaseSampler":
    """Return a sampler for the next trial alone.

    It depends on the seed and on what is finished, not on when the process began: a study that was
    killed and gone on with is the same as one that was not.
    """
    from optuna.samplers import PartialFixedSampler, TPESampler

    seed = search.seed + finished + 100_003 * search.worker
    shared = search.worker > 0
    sampler = TPESampler(seed=seed, multivariate=True, constant_liar=shared)
    if finished < len(space.start) and not shared:
        return PartialFixedSampler(space.start[finished], sampler)
    return sampler


def _run(
    trial: "Trial", folds: Sequence[Fold], search: Search, space: Space, metric: Metric
) -> float:
    """Return the mean over the folds; give up where the first ones are no good."""
    from optuna import TrialPruned

    parameters = space.suggest(trial)
    classify = bool(folds[0].train.classes)
    spec = EstimatorSpec(search.estimator, parameters, classify, search.seed)
    values: list[float] = []
    for one in folds:
        found = score(one.asked.target, one.answers(spec), one.train.classes)
        if metric.name not in found:
            raise InputError(
                f"`folds` must let each fold be judged by {metric.name}. Found: one class in fold "
                f"{one.number}. Take fewer folds or another method."
            )
        values.append(found[metric.name])
        trial.report(fmean(values), step=one.number)
        if one is not folds[-1] and trial.should_prune():
            raise TrialPruned
    return fmean(values)


def _finished(study: "Study") -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _left(study: "Study", budget: Budget) -> int:
    return budget.n_trials - len(_finished(study))


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna's progress, which would repeat what the report says, out of the log."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _summary(
    study: "Study", search: Search, space: Space, metric: Metric, table: Table, plan: Plan
) -> Trials:
    finished = _finished(study)
    trials = tuple(
        {
            "number": trial.number,
            "state": trial.state.name,
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "parameters": trial.params,
        }
        for trial in finished
    )
    best = study.best_trial
    parameters = {**space.fixed, **best.params}
    importance = _importance(study, search.seed)
    value = float(best.value or 0)
    report = _report(trials, search, metric, table, plan, parameters, value, importance)
    return Trials(metric, search.estimator, parameters, value, trials, importance, report)


def _importance(study: "Study", seed: int) -> dict[str, float]:
    """Return how much of the scores' variance each parameter explains, largest first (fANOVA)."""
    import optuna
    from optuna.trial import TrialState

    values = {t.value for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if len(values) < 3:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _report(
    trials: Sequence[dict[str, Any]],
    search: Search,
    metric: Metric,
    table: Table,
    plan: Plan,
    parameters: dict[str, Any],
    value: float,
    importance: dict[str, float],
) -> Report:
    complete = [trial for trial in trials if trial["state"] == "COMPLETE"]
    sign = -1 if metric.higher_is_better else 1
    text = (
        f"{search.estimator} on {table.rows} rows, target {table.target}, {plan.count} folds. "
        f"{len(trials)} trials, {len(trials) - len(complete)} of them pruned. The best has "
        f"{metric.name} {value:.6g} as the mean of its folds; being the best of many, it promises "
        f"a little more than new rows will keep."
    )
    ordered = sorted(complete, key=lambda trial: sign * trial["value"])[:SHOWN_TRIALS]
    names = tuple(dict.fromkeys(name for trial in ordered for name in trial["parameters"]))
    blocks: list[Block] = [
        Paragraph(text),
        Rows("Best parameters", ("parameter", "value"), tuple(parameters.items())),
        Figure("History", _history(complete, metric, sign)),
        Rows(
            "Importance (share of the variance, fANOVA)",
            ("parameter", "share"),
            tuple(importance.items()),
        ),
        Rows(
            f"The best {len(ordered)} trials",
            ("trial", metric.name, *names),
            tuple(
                (trial["number"], trial["value"], *(trial["parameters"].get(n, "") for n in names))
                for trial in ordered
            ),
        ),
    ]
    return Report(f"Tuning {search.estimator} on {table.target}", "", tuple(blocks))


def _history(complete: Sequence[dict[str, Any]], metric: Metric, sign: int) -> str:
    numbers = [trial["number"] for trial in complete]
    values = [trial["value"] for trial in complete]
    best: list[float] = []
    for value in values:
        best.append(min([value, *best[-1:]], key=lambda one: sign * one))
    series = [
        plots.Series("trial", numbers, values, dots=True),
        plots.Series("best", numbers, best),
    ]
    return plots.draw(series, "trial", metric.name)
