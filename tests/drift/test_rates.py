"""How often an unchanged table alarms, and how often a changed one is found (bench/drift_rates.py).

The level of the test is 5 %: 300 draws are alarmed 15 times, give or take 4 (a standard deviation).
"""

import numpy as np
import pytest

from holdfast.drift.columns import Judged
from holdfast.drift.encoding import encode
from holdfast.drift.significance import compare
from tests.bench.drift_rates import CHANGES, Change, draw, rates

NAMES = ("normal_0", "alike_0", "alike_1", "count_0", "amount", "category_5")
JUDGED = tuple(
    Judged(name, "feature", "category" if "category" in name else "number", "") for name in NAMES
)


def alarms(correction, draws, rows=1000, alpha=0.05):
    """Return in which share of draws two samples of one population are told apart."""
    found = []
    for seed in range(draws):
        generator = np.random.default_rng([seed, 1])
        both = [draw(generator, rows, Change("")).select(NAMES) for _ in range(2)]
        tests = compare(*encode(*both, JUDGED), JUDGED, "tabular", correction, seed)
        found.append(tests.smallest <= alpha)
    return np.mean(found)


def test_an_unchanged_table_alarms_in_three_to_seven_of_a_hundred_draws():
    assert 0.03 <= alarms("permutation", 300) <= 0.07


@pytest.mark.parametrize("change", CHANGES[1:], ids=[change.name for change in CHANGES[1:]])
def test_changes_are_found_at_the_stated_power(change):
    """With 1,000 rows: 0.1 deviations seldom, 0.2 nearly always; 5 points of a share half."""
    least, most = {
        "0.1 deviations": (0, 7),
        "0.2 deviations": (7, 10),
        "0.5 deviations": (10, 10),
        "5 % in a share": (2, 10),
    }[change.name]
    assert least <= rates(1000, 5000, change, range(10)).alarms <= most


def test_ten_thousand_rows_are_enough_for_a_tenth_of_a_deviation():
    assert rates(10_000, 20_000, CHANGES[1], range(3)).alarms == 3
