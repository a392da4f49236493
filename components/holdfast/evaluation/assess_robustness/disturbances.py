"""What data in service bring: noise, holes, new categories, wild values; and what users expect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.evaluation.assess_robustness import check
from holdfast.evaluation.assess_robustness.check import Check, Limits
from holdfast.evaluation.assess_robustness.subject import Subject
from holdfast.performance.bootstrap import Interval

if TYPE_CHECKING:
    import pandas as pd

# A category that no table has.
UNSEEN = "holdfast: unseen"
# Each costs a prediction of all rows; the first of a wide table must do.
MAX_FEATURES = 100
MAX_VALUES = 10
FAR, MOST = 10, 0.5
PATHS, STEPS = 200, 11
# What a regression's answer may move by, in standard deviations of its answers, and be the same.
SAME_ANSWER = 0.1
# Rounding of 32-bit floats.
FLAT = 1e-6


@dataclass(frozen=True)
class Expectations:
    """How much the rows are disturbed, and what the user expects of columns."""

    noise: Sequence[float] = (0.05, 0.1, 0.2)
    missing: Sequence[float] = (0.05, 0.1, 0.2)
    monotonic: Mapping[str, str] = field(default_factory=dict)
    protected: Sequence[str] = ()
    positive: Any = None


def check_all(
    subject: Subject, wanted: Expectations, limits: Limits, random: np.random.Generator
) -> Iterator[Check]:
    """Yield the checks of disturbed rows."""
    for level in wanted.noise:
        frame = _noisy(subject, level, random)
        if frame is not None:
            said = f"{level:g} standard deviations"
            yield replace(_drop("noise", said, frame, subject, limits), level=level)
    for share in wanted.missing:
        lost = random.random(subject.frame.shape) < share
        frame = subject.frame.mask(lost)
        said = f"{share:g} of the values"
        yield replace(_drop("missing", said, frame, subject, limits), level=share)
    for name in subject.frame.columns[:MAX_FEATURES]:
        frame = subject.frame.copy()
        frame[name] = frame[name].mask(np.ones(subject.rows, bool))
        yield _drop("missing_feature", name, frame, subject, limits)
    for name in subject.text[:MAX_FEATURES]:
        frame = subject.frame.assign(**{name: _texts(subject, name, UNSEEN)})
        yield _drop("unseen_category", name, frame, subject, limits)
    yield from _out_of_range(subject, limits)
    for name, direction in wanted.monotonic.items():
        yield _monotonic(subject, name, direction, wanted.positive, random)
    for name in wanted.protected:
        yield _invariant(subject, name, limits)


def _drop(code: str, said: str, frame: "pd.DataFrame", subject: Subject, limits: Limits) -> Check:
    answer = subject.answer(frame)
    if answer.fault:
        return check.faulty(code, said, answer, limits)
    drop = subject.score().drop_to(subject.score(answer.output), limits.confidence_level)
    return check.dropped(code, said, subject.metric, drop, limits)


def _texts(subject: Subject, name: str, value: str) -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series([value] * subject.rows, subject.frame.index, subject.frame[name].dtype)


def _noisy(subject: Subject, level: float, random: np.random.Generator) -> "pd.DataFrame | None":
    """Return the rows with noise on every number that is no flag; None where there are none.

    A value that most rows share, as 0 is of what few people have, says "none" and stays.
    """
    frame = subject.frame.copy()
    moved = [name for name in subject.numeric if frame[name].nunique() > 2]
    for name in moved:
        values, shares = frame[name], frame[name].value_counts(normalize=True)
        noise = level * float(values.std()) * random.standard_normal(subject.rows)
        usual = values == shares.index[0] if shares.iloc[0] > MOST else values.isna()
        frame[name] = values.where(usual, values + noise)
    return frame if moved else None


def _out_of_range(subject: Subject, limits: Limits) -> Iterator[Check]:
    """Yield the checks of values far beyond any that was seen: there must be an answer."""
    import pandas as pd

    dates = list(subject.model.info.temporal)
    for said, sign, date in (("far above", 1, "2200-01-01"), ("far below", -1, "1800-01-01")):
        frame = subject.frame.copy()
        for name in subject.numeric:
            ends = frame[name].agg(["min", "max"])
            reach = FAR * max(float(ends["max"] - ends["min"]), 1.0)
            frame[name] = float(ends["max" if sign > 0 else "min"]) + sign * reach
        for name in dates:
            frame[name] = pd.Series(pd.Timestamp(date), frame.index).astype(frame[name].dtype)
        if not subject.numeric and not dates:
            return
        answer = subject.answer(frame)
        if answer.fault:
            yield check.faulty("out_of_range", said, answer, limits)
        else:
            wanted = "a finite answer for each row"
            yield Check("out_of_range", said, "major", "pass", "finite answers", wanted)


def _monotonic(
    subject: Subject, name: str, direction: str, positive: Any, random: np.random.Generator
) -> Check:
    """Move a column through its values, row by row: the answer must never turn back."""
    places = random.permutation(subject.rows)[:PATHS]
    values = np.unique(np.nanquantile(subject.frame[name], np.linspace(0, 1, STEPS)))
    frame = subject.frame.iloc[np.repeat(places, len(values))].reset_index(drop=True)
    answer = subject.answer(frame.assign(**{name: np.tile(values, len(places))}))
    expected = f"never {'falls' if direction == 'increasing' else 'rises'} as {name} grows"
    if answer.fault:
        return check.invariant("monotonic", name, answer.fault, "", expected)
    classes = subject.model.info.classes
    output = answer.output[:, classes.index(positive)] if classes else answer.output
    steps = np.diff(output.reshape(len(places), -1), axis=1)
    against = (-steps if direction == "increasing" else steps).max(axis=1, initial=0)
    turned = int((against > FLAT * max(1.0, float(np.abs(output).max()))).sum())
    broken = f"{turned} of {len(places)} rows turn back, by up to {against.max():.3g}"
    held = f"none of {len(places)} rows turns back"
    outcome: check.Outcome = "fail" if turned else "pass"
    return Check("monotonic", name, "major", outcome, broken if turned else held, expected)


def _invariant(subject: Subject, name: str, limits: Limits) -> Check:
    """Give all rows each value of a protected column: the share of rows whose answer changes.

    What goes along with the column stays as it is, so that this is a lower bound of its influence.
    """
    if name not in subject.frame.columns:
        said = "the model does not read it"
        return Check("counterfactual", name, "major", "pass", said, "no influence")
    before = subject.labels(subject.output)
    changed = np.zeros(subject.rows, bool)
    for value in _values(subject.frame[name]):
        frame = subject.frame.copy()
        frame[name] = _texts(subject, name, value) if name in subject.text else value
        answer = subject.answer(frame)
        if answer.fault:
            return check.faulty("counterfactual", name, answer, limits)
        changed |= _differ(before, subject.labels(answer.output), subject)
    return check.flipped("counterfactual", name, _share(changed, limits.confidence_level), limits)


def _values(column: "pd.Series[Any]") -> list[Any]:
    """Return the most common values; of many numbers, their deciles."""
    common = column.value_counts()
    if len(common) <= MAX_VALUES or column.dtype.kind != "f":
        return list(common.index[:MAX_VALUES])
    return list(np.unique(np.nanquantile(column, np.linspace(0.05, 0.95, MAX_VALUES))))


def _differ(before: Any, after: Any, subject: Subject) -> Any:
    if subject.model.info.classes:
        return before != after
    return np.abs(after - before) > SAME_ANSWER * float(np.std(before))


def _share(changed: Any, confidence_level: float) -> Interval:
    from scipy.stats import binomtest

    test = binomtest(int(changed.sum()), len(changed))
    ends = test.proportion_ci(confidence_level, method="wilson")
    return Interval(float(changed.mean()), float(ends.low), float(ends.high))
