"""The explanation as a page."""

import math
from typing import TYPE_CHECKING, Any

from holdfast.evaluation.explain_model import plots
from holdfast.model import Model
from holdfast.plots import short
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from holdfast.evaluation.explain_model.logic import Findings, Request

DRAWN = 20
MOVED = 10
SWARM = "Contributions by row (grey: text or missing)"


def report(
    model: Model,
    findings: "Findings",
    verdict: Verdict,
    rows: int,
    frame: "pd.DataFrame",
    request: "Request",
) -> Report:
    """Return the page.

    Args:
        model: The model.
        findings: What was found out about it.
        verdict: What follows.
        rows: Rows of the whole test table.
        frame: The rows drawn from it.
        request: What was asked for.
    """
    blocks: list[Block] = [
        Paragraph(
            " ".join(reason.message for reason in verdict.reasons)
            or "Nothing speaks against the model."
        ),
        Paragraph(_method(model, findings, rows, len(frame), request)),
        *_figures(findings, frame),
        _features(findings),
        *_outputs(findings),
        *_dependence(model, findings),
        *_moves(findings),
    ]
    return Report("Model explanation", verdict.decision, tuple(blocks))


def _method(model: Model, findings: "Findings", rows: int, drawn: int, request: "Request") -> str:
    found = findings.attribution
    explained = len(found.values)
    budget = "" if explained == drawn else " (as many as the budget of work allows)"
    what = (
        f"class {found.outputs[0]}"
        if len(model.info.classes) == 2
        else f"{len(found.outputs)} classes"
        if model.info.classes
        else f"target {model.info.target}"
    )
    return (
        f"{explained:,} of {rows:,} test rows are explained{budget}, drawn with seed "
        f"{request.seed}; {what}, in {found.scale}. Method: {found.method}. Base value and "
        f"contributions sum to the answer within {found.gap:.1e}. Contributions of what a "
        f"transformer makes of a column are added up for the column. They say what the model does, "
        f"not what causes the target."
    )


def _figures(findings: "Findings", frame: "pd.DataFrame") -> list[Block]:
    found, order = findings.attribution, findings.order[:DRAWN]
    names = [findings.columns[index] for index in order]
    parts = found.by_output[order]
    blocks: list[Block] = [
        Figure(
            _first("Importance", order, findings),
            plots.bars(names, parts, found.outputs, found.scale),
        )
    ]
    if len(found.outputs) == 1:
        values = found.values[: plots.SWARM_ROWS, :, 0][:, order]
        levels = _levels(frame.iloc[: len(values)], names)
        drawn = plots.swarm(names, values, levels, found.scale)
        blocks.append(Figure(_first(SWARM, order, findings), drawn))
    return blocks


def _first(title: str, order: list[int], findings: "Findings") -> str:
    all_of_them = len(order) == len(findings.columns)
    return title if all_of_them else f"{title}, first {len(order)} of {len(findings.columns)}"


def _levels(frame: "pd.DataFrame", names: list[str]) -> "npt.NDArray[np.float64]":
    """Return ranks of numbers and dates from 0 to 1; text and what is missing has none."""
    import numpy as np
    import pandas as pd

    levels = np.full((len(frame), len(names)), math.nan)
    for index, name in enumerate(names):
        kind = frame[name].dtype
        if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_dtype(kind):
            levels[:, index] = frame[name].rank(pct=True)
    return levels


def _features(findings: "Findings") -> Rows:
    found, permuted = findings.attribution, findings.permuted
    entries: list[tuple[Any, ...]] = [
        (
            findings.columns[index],
            _rounded(found.importance[index]),
            f"{findings.shares[index]:.1%}",
            _rounded(permuted.means[index]),
            _rounded(permuted.spreads[index]),
            _known(findings.alone[index]),
        )
        for index in findings.order
    ]
    heading = (
        "column",
        "mean |contribution|",
        "share",
        f"{permuted.loss} added by shuffling",
        "± spread",
        "tells the target alone",
    )
    return Rows("Columns", heading, tuple(entries))


def _known(value: float) -> Any:
    return _rounded(value) if math.isfinite(value) else "too few rows"


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _outputs(findings: "Findings") -> list[Block]:
    found = findings.attribution
    if len(found.outputs) == 1:
        return []
    entries = tuple(
        (findings.columns[index], *map(_rounded, found.by_output[index]))
        for index in findings.order
    )
    return [Rows("Mean |contribution| by class", ("column", *found.outputs), entries)]


def _dependence(model: Model, findings: "Findings") -> list[Block]:
    if not findings.dependences:
        return []
    outputs = findings.attribution.outputs
    answer = "mean probability" if model.info.classes else "mean prediction"
    if len(model.info.classes) == 2:
        answer += f" of {short(outputs[0])}"
    title = "Partial dependence: the mean answer if every row had the value"
    return [Figure(title, plots.dependences(findings.dependences, outputs, answer))]


def _moves(findings: "Findings") -> list[Block]:
    moves = findings.moves
    if moves is None:
        return []
    entries = tuple(
        (name, f"{before:.1%}", f"{now:.1%}", f"{100 * (now - before):+.1f}")
        for name, now, before in moves.shares[:MOVED]
    )
    told = (
        "The rank correlation with the model before needs three columns at least."
        if math.isnan(moves.correlation)
        else f"Rank correlation with the model before: {moves.correlation:.3f}."
    )
    heading = ("column", "share before", "share now", "change in percentage points")
    return [Rows("What moved most since the model before", heading, entries), Paragraph(told)]
