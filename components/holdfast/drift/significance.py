"""Whether a table can be told from its reference at all: Alibi Detect's tests, column by column."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from holdfast.drift.alibi import detector_class
from holdfast.drift.columns import Judged
from holdfast.drift.permutation import DRAWS, smallest_by_chance
from holdfast.threads import available

Floats: TypeAlias = "npt.NDArray[np.float64]"
Correction = Literal["permutation", "bonferroni", "fdr"]
Method = Literal["tabular", "cvm", "fet", "classifier", "mmd", "lsdd", "spot_the_diff"]
TIED = 1.001
UNIVARIATE = ("tabular", "cvm", "fet")
NAMES = {
    "ks": "Kolmogorov-Smirnov",
    "chi2": "chi-squared",
    "cvm": "Cramer-von Mises",
    "fet": "Fisher",
}


@dataclass(frozen=True)
class Tests:
    """What the tests of all columns found, in the order of the columns.

    `adjusted` are p-values for the whole table: the chance that any column of an unchanged table
    has one as small (permutation, bonferroni), or the share of false ones among those that are as
    small (fdr: Benjamini and Hochberg 1995).
    """

    names: tuple[str, ...]
    statistics: Floats
    p_values: Floats
    adjusted: Floats

    @property
    def smallest(self) -> float:
        """The p-value of the whole table."""
        return float(self.adjusted.min())


def compare(
    reference: Floats,
    current: Floats,
    judged: Sequence[Judged],
    method: Method,
    correction: Correction,
    seed: int,
) -> Tests:
    """Test each column of two samples of rows; see `encoding.encode` for their form.

    method: tabular is Kolmogorov-Smirnov for numbers and chi-squared for categories; cvm is
        Cramer-von Mises for numbers; fet is Fisher's exact test for categories of two values.
    correction: permutation is the step of Westfall and Young (1993) over the smallest p-value: the
        rows of both samples change places at random, whole rows, so that columns that depend on
        each other and tied values are allowed for. Of tabular only.
    """
    names, statistics, p_values = _run(reference, current, _kinds(reference, judged, method))
    # A test of a single row has no p-value.
    p_values = np.nan_to_num(p_values, nan=1.0)
    adjusted = _adjusted(p_values, correction)
    if correction == "permutation":
        categories = np.array([column.kind == "category" for column in judged])
        chance = smallest_by_chance(reference, current, categories, seed)
        # Ties count as no less extreme, although Alibi Detect keeps single precision.
        as_small = chance[None, :] <= p_values[:, None] * TIED
        adjusted = (1 + as_small.sum(axis=1)) / (1 + DRAWS)
    return Tests(tuple(names), statistics, p_values, adjusted)


def _kinds(reference: Floats, judged: Sequence[Judged], method: Method) -> list[str]:
    number = "cvm" if method == "cvm" else "ks"
    return [
        number
        if column.kind == "number"
        else "fet"
        if method == "fet" and len(np.unique(reference[:, place])) == 2
        else "chi2"
        for place, column in enumerate(judged)
    ]


def _run(
    reference: Floats, current: Floats, kinds: Sequence[str]
) -> tuple[list[str], Floats, Floats]:
    """Let Alibi Detect test the columns, all of one kind together."""
    statistics, p_values = np.zeros(len(kinds)), np.ones(len(kinds))
    together = {"ks": "tabular", "chi2": "tabular"}
    for group in sorted({together.get(kind, kind) for kind in kinds}):
        places = [n for n, kind in enumerate(kinds) if together.get(kind, kind) == group]
        before, now = _part(reference, places), _part(current, places)
        if group == "fet":
            before, now = _zero_or_one(before, now)
        found = _predict(group, before, now, [kinds[place] for place in places])
        statistics[places], p_values[places] = found
    return [NAMES[kind] for kind in kinds], statistics, p_values


def _predict(group: str, before: Floats, now: Floats, kinds: list[str]) -> tuple[Floats, Floats]:
    """Return the columns' statistics and p-values.

    NumPy sorts without Python's lock, and a column's test knows of no other column: as many are
    tested at once as there are processors.
    """
    lanes = min(available(), len(kinds))
    detectors = [
        _detector(group, before[:, lane::lanes], kinds[lane::lanes]) for lane in range(lanes)
    ]

    def run(lane: int) -> Any:
        return detectors[lane].predict(now[:, lane::lanes], drift_type="feature")["data"]

    statistics, p_values = np.zeros(len(kinds)), np.ones(len(kinds))
    with ThreadPoolExecutor(lanes) as pool:
        for lane, found in enumerate(pool.map(run, range(lanes))):
            statistics[lane::lanes] = found["distance"]
            p_values[lane::lanes] = found["p_val"]
    return statistics, p_values


def _part(rows: Floats, places: list[int]) -> Floats:
    """Return some columns; all of them uncopied."""
    return rows if len(places) == rows.shape[1] else rows[:, places]


def _detector(group: str, reference: Floats, kinds: Sequence[str]) -> Any:
    if group == "cvm":
        return detector_class("cd.cvm", "CVMDrift")(reference)
    if group == "fet":
        return detector_class("cd.fet", "FETDrift")(reference, alternative="two-sided")
    categories = {n: None for n, kind in enumerate(kinds) if kind == "chi2"}
    if not categories:
        return detector_class("cd.ks", "KSDrift")(reference)
    detector = detector_class("cd.tabular", "TabularDrift")
    return detector(reference, categories_per_feature=categories)


def _zero_or_one(before: Floats, now: Floats) -> tuple[Floats, Floats]:
    """Return 1 where a row holds the larger code of the reference; anything else is the rest."""
    larger = before.max(axis=0)
    return (before == larger).astype(float), (now == larger).astype(float)


def _adjusted(p_values: Floats, correction: Correction) -> Floats:
    if correction == "fdr":
        from scipy.stats import false_discovery_control

        return np.asarray(false_discovery_control(p_values))
    return np.minimum(1.0, p_values * len(p_values))
