"""What each arm shows at a look: a value, its variance, and the units it rests on."""

import math
from dataclasses import dataclass

from holdfast.monitoring.analyse_experiment.arms import Experiment
from holdfast.monitoring.analyse_experiment.request import AGGREGATES, Metric

# Two normal standard errors to either side give a percentile's standard error.
SPREAD = 1.959963984540054
EXACT = 1e-9


@dataclass(frozen=True)
class Arm:
    """An arm's value: `variance` is that of the value itself, not of a unit.

    `events` are the units with the rarer outcome of a yes or no, -1 for other numbers: whether
    they are enough is told by them, not by the units.
    """

    units: int = 0
    value: float = 0.0
    variance: float = 0.0
    events: int = -1


@dataclass(frozen=True)
class Look:
    """Both arms, as they were at the end of a day; the day is empty where there is no time."""

    day: str
    control: Arm
    treatment: Arm

    @property
    def difference(self) -> float:
        """Return treatment less control."""
        return self.treatment.value - self.control.value

    @property
    def variance(self) -> float:
        """Return the variance of the difference."""
        return self.treatment.variance + self.control.variance


def looks_of(
    experiment: Experiment, metric: Metric, column: str, aggregate: str
) -> tuple[Look, ...]:
    """Return each look at a metric, each with all rows until then.

    Args:
        experiment: The rows.
        metric: The metric.
        column: Its column in the database.
        aggregate: What becomes of a unit's rows: mean, sum or max.
    """
    found = []
    for day, number in experiment.looks:
        if metric.share:
            arms = _percentiles(experiment, column, metric.share, number)
        else:
            arms = _means(experiment, column, aggregate, number)
        found.append(Look(day, arms.get(False, Arm()), arms.get(True, Arm())))
    return tuple(found)


def _means(experiment: Experiment, column: str, aggregate: str, number: int) -> dict[bool, Arm]:
    """Return the mean of each arm's units.

    A unit's rows become one value first: they are no more independent than the unit is one.
    """
    rows = f"SELECT treated, {column} AS v FROM kept WHERE look <= {number:d}"  # noqa: S608  # our own names
    if experiment.with_units:
        of = f"{AGGREGATES[aggregate]}({column})"
        rows = (
            f"SELECT treated, {of} AS v FROM kept WHERE look <= {number:d} GROUP BY treated, unit"  # noqa: S608  # our own names
        )
    moments = experiment.session.execute(
        "SELECT treated, count(v), avg(v), var_pop(v), count(*) FILTER (v NOT IN (0, 1)) "  # noqa: S608  # our own names
        f"FROM ({rows}) GROUP BY 1"
    ).fetchall()
    return {bool(row[0]): mean_of(*row[1:]) for row in moments if row[1]}


def mean_of(units: int, mean: float, spread: float, others: int) -> Arm:
    """Return an arm of so many units with a mean.

    Args:
        units: How many, at least one.
        mean: Their mean.
        spread: Their variance, divided by their number.
        others: How many of them are neither 0 nor 1.
    """
    if others == 0:
        events = round(units * mean)
        # One more of each outcome: no events in a few units do not show that there are none.
        share = (events + 1) / (units + 2)
        return Arm(units, mean, share * (1 - share) / units, min(events, units - events))
    return Arm(units, mean, spread / max(1, units - 1))


def _percentiles(experiment: Experiment, column: str, share: float, number: int) -> dict[bool, Arm]:
    """Return a percentile of each arm's rows.

    The share of rows below it has a variance, in which rows of one unit go together (Deng, Knoblich
    & Lu 2018, Applying the delta method in metric analytics, section 4); the values at the ends of
    its interval tell the percentile's own. The values of a look are held in memory, 8 bytes a row.
    """
    run = experiment.session.execute
    where = f"WHERE look <= {number:d} AND {column} IS NOT NULL"
    run(
        f"CREATE OR REPLACE TEMP TABLE middle AS SELECT treated, quantile_disc({column}, {share}) "  # noqa: S608  # our own names
        f"AS q FROM kept {where} GROUP BY 1"
    )
    unit = "unit" if experiment.with_units else "kept.rowid"
    groups = run(
        f"WITH each AS (SELECT kept.treated, count(*) AS n, count(*) FILTER ({column} <= q) AS k "  # noqa: S608  # our own names
        f"FROM kept JOIN middle USING (treated) {where} GROUP BY kept.treated, {unit}) "
        f"SELECT treated, count(*), sum(n), sum(pow(k - {share} * n, 2)) FROM each GROUP BY 1"
    ).fetchall()
    found = {}
    for treated, units, rows, squares in groups:
        error = math.sqrt(squares * units / max(1, units - 1)) / rows
        ends = [min(1.0, max(0.0, share + sign * SPREAD * error)) for sign in (-1, 0, 1)]
        ((quantiles,),) = run(
            f"SELECT quantile_disc({column}, {ends}) FROM kept {where} AND treated = ?",  # noqa: S608  # our own names
            [treated],
        ).fetchall()
        low, middle, high = quantiles
        # Rows on the thin side of it: a percentile beyond them all is the largest value's.
        thin = int(min(share, 1 - share) * rows)
        found[bool(treated)] = Arm(units, middle, ((high - low) / (2 * SPREAD)) ** 2, thin)
    return found
