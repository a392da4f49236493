"""What holds for any model, whatever it has learned."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.evaluation.assess_robustness.check import Check, invariant, refusable
from holdfast.evaluation.assess_robustness.subject import Answer, Subject

if TYPE_CHECKING:
    import pandas as pd

ALIKE = "the same answers"
MAY_REFUSE = "finite answers, or a ValueError"
# One call for each; more would tell no more.
SINGLE_ROWS, STRANGE_ROWS = 10, 100
# Sums of 32-bit floats depend on their order by about this much of the largest answer.
TOLERANCE = 1e-5


def check_all(subject: Subject, random: np.random.Generator) -> Iterator[Check]:
    """Yield the checks of what holds for any model."""
    yield _range(subject)
    yield _collapse(subject)
    again = subject.answer(subject.frame)
    yield _same("determinism", "the same rows twice", again, subject.output, exactly=True)
    order = random.permutation(subject.rows)
    turned = subject.answer(_rows(subject, order))
    yield _same("row_order", "rows in another order", turned, subject.output[order])
    twice = np.repeat(np.arange(subject.rows), 2)
    doubled = subject.answer(_rows(subject, twice))
    yield _same("duplicates", "each row twice", doubled, subject.output[twice])
    yield _single(subject, random)
    yield from _strange(subject)


def _rows(subject: Subject, places: Any) -> "pd.DataFrame":
    return subject.frame.iloc[places].reset_index(drop=True)


def _range(subject: Subject) -> Check:
    if not subject.model.info.classes:
        # Answers that are not finite never come this far.
        held = f"{subject.output.min():.6g} to {subject.output.max():.6g}"
        return invariant("range", "answers", "", held, "finite numbers")
    output = subject.output
    outside = int(((output < 0) | (output > 1)).any(axis=1).sum())
    uneven = int((np.abs(output.sum(axis=1) - 1) > TOLERANCE).sum())
    broken = f"{outside} rows outside 0 to 1, {uneven} rows that do not sum to 1"
    held = f"{output.min():.3g} to {output.max():.3g}"
    return invariant(
        "range", "probabilities", broken if outside or uneven else "", held, "0 to 1, with sum 1"
    )


def _collapse(subject: Subject) -> Check:
    """Tell whether the model says one thing only, though the truth does not."""
    kinds = len(np.unique(subject.labels(subject.output)))
    alike = bool(np.ptp(subject.output, axis=0).max() <= 0)
    various = len(np.unique(subject.truth)) > 1
    observed = f"{kinds} different answers in {subject.rows} rows"
    expected = "more than one answer, as the truth has"
    if alike and various:
        return invariant("collapse", "answers", f"all {subject.rows} alike", "", expected)
    # A rare class may never be the likeliest one, and still be ranked well.
    outcome = "warn" if kinds == 1 and various else "pass"
    return Check("collapse", "answers", "major", outcome, observed, expected)  # type: ignore[arg-type]


def _same(code: str, subject: str, answer: Answer, wanted: Any, exactly: bool = False) -> Check:
    broken, held = answer.fault, "all the same"
    if not broken:
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        apart = np.abs(answer.output - wanted).reshape(len(wanted), -1).max(axis=1)
        changed = int((apart > (0 if exactly else TOLERANCE * scale)).sum())
        broken = f"{changed} of {len(wanted)} answers differ, by up to {apart.max():.3g}"
        broken = broken if changed else ""
    return invariant(code, subject, broken, held, ALIKE)


def _single(subject: Subject, random: np.random.Generator) -> Check:
    places = random.permutation(subject.rows)[:SINGLE_ROWS]
    answers = [subject.answer(_rows(subject, [place])) for place in places]
    fault = next((answer.fault for answer in answers if answer.fault), "")
    together = Answer(np.concatenate([answer.output for answer in answers]), fault)
    said = f"{len(places)} rows one by one"
    return _same("single_rows", said, together, subject.output[places])


def _strange(subject: Subject) -> Iterator[Check]:
    """Yield the checks of frames that a model may refuse."""
    # XGBoost raises a ZeroDivisionError here; no error can mislead about no rows.
    empty = subject.answer(subject.frame.iloc[:0])
    yield refusable("empty", "no rows", empty, empty.raised, "no answers, or an error")
    some = subject.frame.head(STRANGE_ROWS)
    frames = [("all_missing", "all features", some.mask(some.notna() | some.isna()))]
    for name, value in (("infinity", np.inf), ("minus infinity", -np.inf)):
        wild = some.assign(**dict.fromkeys(subject.model.info.numeric, value))
        frames += [("infinite", name, wild)] if subject.model.info.numeric else []
    for code, of, frame in frames:
        answer = subject.answer(frame)
        yield refusable(code, of, answer, answer.refused, MAY_REFUSE)
