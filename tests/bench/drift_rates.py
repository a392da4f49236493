"""How often drift is found, where there is none and where there is some.

python -m tests.bench.drift_rates [DRAWS [DRAWS_OF_CHANGES]], in the drift environment: for 1 k,
100 k and 1 M rows, each draw makes a reference of 100 k rows and a table anew, fits a detector and
checks the table, with nothing but defaults. The 16 numbers are normal, skewed, correlated, tied,
mostly zero or partly missing; the 4 categories have 2 to 40 values.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from scipy.stats import binomtest

from holdfast.drift.detect_drift import logic as detecting
from holdfast.drift.fit_drift_detector import logic as fitting
from holdfast.table import Table

SIZES = (1_000, 100_000, 1_000_000)
REFERENCE_ROWS = 100_000
VALUES = (2, 5, 12, 40)


@dataclass(frozen=True)
class Change:
    """What is done to the table: a shift of one number, a category's share more for another's."""

    name: str
    shift: float = 0.0
    share: float = 0.0


CHANGES = (
    Change("no change"),
    Change("0.1 deviations", shift=0.1),
    Change("0.2 deviations", shift=0.2),
    Change("0.5 deviations", shift=0.5),
    Change("5 % in a share", share=0.05),
)


@dataclass(frozen=True)
class Rates:
    """In how many of the draws the tables were told apart, and what was decided."""

    draws: int
    alarms: int
    warnings: int
    failures: int

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the rate of alarms (Wilson 1927)."""
        found = binomtest(self.alarms, self.draws).proportion_ci(method="wilson")
        return found.low, found.high


def main(draws: int = 300, draws_of_changes: int = 50) -> None:
    """Print the table."""
    print("| rows | change | draws | alarm | 95 % interval | at least warn | fail |")
    print("|---|---|---|---|---|---|---|")
    for rows in SIZES:
        for change in CHANGES:
            count = draws if change == CHANGES[0] else draws_of_changes
            found = rates(rows, REFERENCE_ROWS, change, range(count))
            low, high = found.interval
            warned = (found.warnings + found.failures) / count
            print(
                f"| {rows:,} | {change.name} | {count} | {found.alarms / count:.1%} | {low:.1%} to "
                f"{high:.1%} | {warned:.1%} | {found.failures / count:.1%} |",
                flush=True,
            )


def rates(rows: int, reference_rows: int, change: Change, seeds: Sequence[int]) -> Rates:
    """Check a table for each seed, made anew like its reference."""
    alarms = warnings = failures = 0
    for seed in seeds:
        generator = np.random.default_rng([seed, rows])
        reference = in_memory(draw(generator, reference_rows, Change("")))
        current = in_memory(draw(generator, rows, change))
        request = fitting.ask(((), (), ()), ("tabular", "", 0.05), 50_000, 0.95, seed)
        detector = fitting.fit(reference, request)
        options = detecting.ask(10_000, 0.0, {}, 0, 0.0)
        found = detecting.detect(current, detector, options)
        alarms += found.alarm
        warnings += found.verdict.decision == "warn"
        failures += found.verdict.decision == "fail"
    return Rates(len(seeds), alarms, warnings, failures)


def draw(generator: np.random.Generator, rows: int, change: Change) -> pa.Table:
    """Return rows of 16 numbers and 4 categories."""
    common = generator.normal(size=rows)
    columns = {f"normal_{n}": generator.normal(size=rows) for n in range(6)}
    columns["normal_0"] += change.shift
    columns |= {f"skewed_{n}": generator.exponential(size=rows) for n in range(2)}
    columns |= {f"alike_{n}": common + 0.5 * generator.normal(size=rows) for n in range(3)}
    columns |= {f"count_{n}": generator.poisson(3, rows) for n in range(2)}
    columns["amount"] = generator.exponential(size=rows) * (generator.random(rows) < 0.1)
    columns["score"] = np.round(generator.normal(size=rows), 1)
    columns["partly"] = np.where(generator.random(rows) < 0.2, np.nan, generator.normal(size=rows))
    for values in VALUES:
        shares = np.linspace(1, 2, values)
        shares /= shares.sum()
        if values == 5:
            shares[0], shares[-1] = shares[0] - change.share, shares[-1] + change.share
        names = pa.array([f"value {n}" for n in range(values)])
        chosen = generator.choice(values, rows, p=shares)
        columns[f"category_{values}"] = names.take(pa.array(chosen))
    return pa.table(columns)


def in_memory(rows: pa.Table) -> Table:
    """Return rows as a table that lies nowhere."""
    return Table(Path("."), ds.dataset(rows), rows.num_rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
