"""Fit a detector: the reference's profile, some of its rows, and how to compare with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from holdfast.drift import reading
from holdfast.drift.columns import Selection, choose, settled
from holdfast.drift.detector import Detector, Settings, libraries
from holdfast.drift.effects import share_missing
from holdfast.drift.multivariate import ROWS, require_backend
from holdfast.drift.permutation import DRAWS
from holdfast.drift.significance import UNIVARIATE, Correction, Method
from holdfast.errors import InputError
from holdfast.optional import NotEnough
from holdfast.profiles.profile import Profile, read_profile
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table

# Fewer rows say too little about a population to tell another one from it.
LEAST_ROWS = 50
# A table compared with itself would otherwise draw the same rows twice.
SEED_OF_REFERENCE = 1


@dataclass(frozen=True)
class Request:
    """What is asked for; `rows` are drawn for the tests, 0 for all."""

    settings: Settings
    selection: Selection
    rows: int


def ask(
    named: Sequence[Sequence[str]],
    how: tuple[str, str, float],
    rows: int,
    components: float,
    seed: int,
) -> Request:
    """Check what is asked for.

    Args:
        named: Columns to judge, columns to ignore, columns of numbers that stand for categories.
        how: Method, correction and p-value.
        rows: How many of the reference's rows the tests compare with; 0 for all.
        components: For multivariate methods.
        seed: Of all that is drawn.

    Raises:
        InputError: There is no such method or correction, or they don't go together, or a number is
            out of its range.
        MachineError: The method needs PyTorch, and it is not there.
    """
    method, correction, p_value = how
    _require("method", method in get_args(Method), f"one of {get_args(Method)}", method)
    univariate = method in UNIVARIATE
    correction = correction or ("permutation" if method == "tabular" else "bonferroni")
    known = get_args(Correction) if method == "tabular" else get_args(Correction)[1:]
    _require("correction", correction in known, f"one of {known} with {method}", correction)
    least = 1 / (1 + DRAWS) if correction == "permutation" else 0.0
    fits = least <= p_value <= 0.5 and p_value > 0
    _require("p_value", fits, f"above 0, at least {least:g} with {correction}, up to 0.5", p_value)
    _require("rows", rows == 0 or rows >= LEAST_ROWS, f"0 or at least {LEAST_ROWS}", rows)
    whole = components < 1 or components == int(components)
    _require("components", components >= 0 and whole, "a share below 1 or a number", components)
    _require("seed", seed >= 0, "at least 0", seed)
    require_backend(method)
    taken = rows if univariate or not rows else min(rows, ROWS[method])
    kinds = cast(Method, method), cast(Correction, correction)
    settings = Settings(*kinds, p_value, components, seed)
    return Request(settings, Selection(*map(tuple, named)), taken)


def fit(reference: Table, request: Request, profile: Profile | None = None) -> Detector:
    """Return the detector of a reference; with its profile, the table's rows are only drawn.

    Raises:
        InputError: The reference is a locked holdout, has fewer than 50 rows or no column that can
            be judged, or the profile is of another table.
    """
    reference.require_trainable("reference")
    if reference.rows < LEAST_ROWS:
        raise NotEnough(
            f"`reference` must have at least {LEAST_ROWS} rows. Found: {reference.rows}. Pass the "
            f"rows that the model was trained on, or a longer window."
        )
    judged, left_out = choose(reference.schema, reference.target, request.selection, "reference")
    names = [column.name for column in judged]
    if profile is not None:
        reading.require_same(profile, reference, names, "reference")
    seed = request.settings.seed + SEED_OF_REFERENCE
    known, sample = reading.read(reference, names, request.rows, seed, profile)
    kept = Profile(
        {name: known.types[name] for name in names},
        {name: known.columns[name] for name in names},
        known.rows,
        known.seed,
    )
    judged = tuple(settled(column, kept.columns[column.name]) for column in judged)
    return Detector(
        request.settings, judged, left_out, reference.target, reference.rows, kept, sample,
        reference.sha256, libraries(),
    )  # fmt: skip


def profile_of(path: str | Path) -> Profile | None:
    """Return the profile at a path, None for no path."""
    return read_profile(path) if str(path) else None


def report(detector: Detector) -> Report:
    """Return the page: what is judged, and what is not."""
    settings = detector.settings
    rows = tuple(
        _row(detector, column.name, column.role, column.kind) for column in detector.judged
    )
    text = (
        f"{detector.rows:,} rows; {len(rows):,} columns are judged. Tests compare with "
        f"{detector.sample.num_rows:,} rows drawn with seed {settings.seed}, effect sizes with the "
        f"profile of all rows. Method {settings.method}, correction {settings.correction}, p-value "
        f"{settings.p_value:g}."
    )
    columns = ("column", "role", "judged as", "missing", "distinct", "hint")
    left_out = tuple(detector.left_out.items())
    return Report(
        "Drift detector",
        "",
        (
            Paragraph(text),
            Rows("Judged", columns, rows),
            Rows("Left out", ("column", "because"), left_out),
        ),
    )


def _row(detector: Detector, name: str, role: str, kind: str) -> tuple[Any, ...]:
    column = detector.profile.columns[name]
    unique = column.present > 1 and column.distinct > 0.95 * column.present
    counts = kind == "category" or getattr(column, "whole", False)
    hint = "looks like a key: name it in `ignored`" if unique and counts else ""
    hint = hint if column.present else "no values"
    return name, role, kind, share_missing(column), column.distinct, hint


def _require(name: str, holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise InputError(f"`{name}` must be {expected}. Found: {found!r}. Correct it.")
