"""What is said of one column: significant and large enough to matter, or not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from holdfast.drift import chance
from holdfast.drift.columns import Judged
from holdfast.drift.detect_drift.limits import NEAR, Limits
from holdfast.drift.effects import Column, Effect, beyond_rows, share_missing, unseen_rows
from holdfast.profiles.columns import NumberColumn
from holdfast.verdict import Reason

Level = Literal["pass", "warn", "fail"]
DISTANCES = ("psi", "jensen_shannon", "wasserstein", "total_variation")
WORDS = {
    "psi": "population stability index",
    "jensen_shannon": "Jensen-Shannon distance",
    "wasserstein": "Wasserstein distance in standard deviations",
    "total_variation": "total variation",
}


@dataclass(frozen=True)
class Finding:
    """One column: how far it has moved, and how sure that is.

    `p_value` and `adjusted` are NaN where no test was made; `measure` is the one furthest beyond
    its limit, and `ratio` is how far: the effect divided by the limit.
    """

    judged: Judged
    now: Column
    before: Column
    effect: Effect
    test: str = ""
    statistic: float = math.nan
    p_value: float = math.nan
    adjusted: float = math.nan
    measure: str = ""
    ratio: float = 0.0
    level: Level = "pass"
    reasons: tuple[Reason, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the column has drifted."""
        return self.level == "fail"


def worst_measure(effect: Effect, name: str, limits: Limits) -> tuple[str, float]:
    """Return the measure furthest beyond its limit, and how many times the limit it is."""
    ratios = {m: getattr(effect, m) / limits.of(m, name) for m in DISTANCES}
    known = {m: ratio for m, ratio in ratios.items() if not math.isnan(ratio)}
    measure = max(known, key=lambda m: known[m], default="")
    return measure, known.get(measure, 0.0)


def level_of(ratio: float) -> Level:
    """Return what a share of a limit means: fail at the limit, warn from half of it on."""
    return "fail" if ratio >= 1 else "warn" if ratio >= NEAR else "pass"


def moved_reason(finding: Finding, significant: bool, limits: Limits) -> Iterator[Reason]:
    """Yield the reason where a column has moved, surely and far enough."""
    level = level_of(finding.ratio)
    if not significant or level == "pass":
        return
    name, role = finding.judged.name, finding.judged.role
    value, limit = getattr(finding.effect, finding.measure), limits.of(finding.measure, name)
    verb = "has moved" if level == "fail" else "is moving"
    yield Reason(
        code=f"{role}_drift",
        subject=name,
        observed=f"{finding.measure} {value:.3g}",
        expected=f"below {limit:g}",
        message=f"{role.capitalize()} {name!r} {verb}: {WORDS[finding.measure]} {value:.3g}, "
        f"with a limit of {limit:g}; {finding.test} p = {finding.adjusted:.2g} "
        f"among all columns.",
        effect=level,
    )


def count_reasons(judged: Judged, now: Column, before: Column, limits: Limits) -> Iterator[Reason]:
    """Yield what the counts of all rows say: missing values, new categories, the range."""
    yield from _missing(judged.name, now, before, limits)
    if now.present and before.present:
        if judged.kind == "category":
            yield from _unseen(judged.name, now, before, limits)
        elif isinstance(now, NumberColumn) and isinstance(before, NumberColumn):
            yield from _beyond(judged.name, now, before, limits)


def _missing(name: str, now: Column, before: Column, limits: Limits) -> Iterator[Reason]:
    shares, limit = (share_missing(now), share_missing(before)), limits.of("missing", name)
    change = abs(shares[0] - shares[1])
    level = level_of(change / limit)
    if level != "pass" and chance.missing_changed(now, before):
        yield Reason(
            "missing_values", name, f"{shares[0]:.2%}", f"{shares[1]:.2%}, within {limit:.2%}",
            f"{shares[0]:.2%} of {name!r} are missing, in the reference {shares[1]:.2%}.",
            level, shares[0],
        )  # fmt: skip


def _unseen(name: str, now: Column, before: Column, limits: Limits) -> Iterator[Reason]:
    rows = unseen_rows(now, before)
    share, limit = rows / now.present, limits.of("unseen", name)
    # Few of them are worth a warning.
    if rows > 0 and chance.unseen_is_more(rows, now, before):
        examples = new_values(now, before)
        yield Reason(
            "new_categories", name, f"{share:.3%}", f"below {limit:.2%}",
            f"{share:.3%} of the values of {name!r} were never seen in the reference.",
            "fail" if share >= limit else "warn", share, examples,
        )  # fmt: skip


def _beyond(name: str, now: NumberColumn, before: NumberColumn, limits: Limits) -> Iterator[Reason]:
    rows, sampled = beyond_rows(now, before), len(now.sample.values)
    share, limit = rows / sampled, limits.of("beyond", name)
    level = level_of(share / limit)
    if level != "pass" and chance.beyond_is_more(rows, sampled, before):
        yield Reason(
            "out_of_range", name, f"{now.low:.6g} to {now.high:.6g}",
            f"{before.low:.6g} to {before.high:.6g}",
            f"{share:.2%} of the values of {name!r} lie outside the reference's range.",
            level, share,
        )  # fmt: skip


def new_values(now: Column, before: Column) -> tuple[str, ...]:
    """Return up to five of the most frequent values that the reference never had."""
    import pyarrow.compute as pc

    from holdfast.drift.effects import counts_of

    found, known = counts_of(now), counts_of(before)["value"]
    new = found.filter(pc.invert(pc.is_in(found["value"], value_set=known)))
    return tuple(new["value"].slice(0, 5).to_pylist())
