"""Compare a model in process with the same model over HTTP."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_columns
from holdfast.performance.answers import answers_of, output_of
from holdfast.report import Block, Paragraph, Report, Rows
from holdfast.serving.check_parity.ask import (
    PROTOCOLS,
    Answers,
    NoAnswerError,
    Protocol,
    Server,
    connect,
    start,
)
from holdfast.serving.check_parity.findings import Found, examples, left_out, reasons_of
from holdfast.table import Table
from holdfast.verdict import Decision, Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_ROWS = 10_000
# How servers are asked: mostly for one row, and sometimes for many.
ALONE, TOGETHER = 20, 60


@dataclass(frozen=True)
class Drawn:
    """Rows of a table that a model reads.

    `numbers` are their places in the table; `infinite` counts those that were left out because JSON
    can't say their numbers.
    """

    model: Model
    rows: pa.Table
    numbers: tuple[int, ...]
    infinite: int
    seed: int

    def parts(self) -> Iterator[slice]:
        """Yield the rows as they are asked for: some alone, then together."""
        count = len(self.numbers)
        alone = min(ALONE, count)
        yield from (slice(place, place + 1) for place in range(alone))
        for first in range(alone, count, TOGETHER):
            yield slice(first, min(first + TOGETHER, count))


@dataclass(frozen=True)
class Parity:
    """The comparison by both protocols, and the verdict."""

    drawn: Drawn
    found: tuple[Found, ...]
    verdict: Verdict

    def metrics(self) -> dict[str, float]:
        """Return the figures by name."""
        told = {"rows": float(len(self.drawn.numbers)), "rows_left_out": float(self.drawn.infinite)}
        for one in self.found:
            told[f"{one.protocol}_differing"] = float(len(one.differing))
            told[f"{one.protocol}_unanswered"] = float(len(one.unanswered))
            told[f"{one.protocol}_largest_difference"] = one.largest
        return told

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self._report().write(html, markdown)
        return self.verdict.metadata()

    def _report(self) -> Report:
        drawn = self.drawn
        facts = (
            f"{len(drawn.numbers)} rows, drawn with seed {drawn.seed}, were asked for by each "
            f"protocol: {min(ALONE, len(drawn.numbers))} alone, the rest up to {TOGETHER} at a "
            f"time. Answers and probabilities must be those of the packaged model, bit by bit."
        )
        columns = (
            "protocol",
            "rows that differ",
            "not answered",
            "largest difference",
            "row numbers",
        )
        rows = tuple(
            (one.protocol.upper(), len(one.differing), len(one.unanswered), one.largest,
             examples((*one.differing, *one.unanswered)))
            for one in self.found
        )  # fmt: skip
        blocks: tuple[Block, ...] = (
            Paragraph(facts),
            *(Paragraph(reason.message) for reason in self.verdict.reasons),
            Rows("By protocol", columns, rows),
        )
        return Report("Serving parity", self.verdict.decision, blocks)


def draw(model: Model, table: Table, rows: int, seed: int) -> Drawn:
    """Draw rows of a table, each as likely as any other, in the table's order.

    Raises:
        InputError: The table does not fit the model, has no rows, or `rows` is out of range.
    """
    import numpy as np

    if not 1 <= rows <= MOST_ROWS:
        raise InputError(f"`rows` must be 1 to {MOST_ROWS}. Found: {rows}.")
    if seed < 0:
        raise InputError(f"`seed` must be at least 0. Found: {seed}.")
    require_columns(table.schema, model, "table", model.info.features)
    if not table.rows:
        raise InputError("`table` must hold rows. Found: none. Pass the training table.")
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(table.rows, min(rows, table.rows), replace=False))
    taken = _take(table, list(model.info.features), chosen)
    finite = _finite(taken, model)
    numbers = tuple(chosen[finite].tolist())
    return Drawn(model, taken.filter(pa.array(finite)), numbers, int((~finite).sum()), seed)


def served(folder: str | Path, url: str, name: str) -> AbstractContextManager[Server]:
    """Return the server to compare with: the one at `url`, or a predictor of this step."""
    return connect(url, name) if url else start(folder)


def compare(drawn: Drawn, server: Server) -> Parity:
    """Ask a server by both protocols, and compare its answers with the model's own.

    Raises:
        InputError: The model itself can't answer the rows.
    """
    from threadpoolctl import threadpool_limits

    # As the predictor has it: the sums of linear algebra depend on the number of threads.
    with threadpool_limits(1):
        wanted = [_in_process(drawn, part) for part in drawn.parts()]
    found = tuple(_compare(drawn, wanted, server, protocol) for protocol in PROTOCOLS)
    reasons = [reason for one in found for reason in reasons_of(one, len(drawn.numbers))]
    decision: Decision = "fail" if reasons else "pass"
    if drawn.infinite or not drawn.numbers:
        reasons.append(left_out(drawn.infinite, len(drawn.numbers)))
        decision = "fail" if decision == "fail" or not drawn.numbers else "warn"
    return Parity(drawn, found, Verdict(decision, tuple(reasons)))


def _take(table: Table, names: list[str], chosen: "npt.NDArray[np.int64]") -> pa.Table:
    """Read some rows of a table, a batch at a time."""
    import numpy as np

    parts, start = [], 0
    for batch in table.batches(names):
        ends = np.searchsorted(chosen, [start, start + batch.num_rows])
        parts.append(batch.take(pa.array(chosen[ends[0] : ends[1]] - start)))
        start += batch.num_rows
    return pa.Table.from_batches(parts)


def _finite(rows: pa.Table, model: Model) -> "npt.NDArray[np.bool_]":
    import numpy as np

    finite = np.ones(rows.num_rows, bool)
    for name in model.info.numeric:
        numbers = rows.column(name).cast(pa.float64(), safe=False)
        finite &= ~pc.fill_null(pc.is_inf(numbers), fill_value=False).to_numpy()
    return finite


def _in_process(drawn: Drawn, part: slice) -> Answers:
    model = drawn.model
    rows = drawn.rows.slice(part.start, part.stop - part.start)
    try:
        output = output_of(model, feature_frame(rows, model.info.features))
    except (ValueError, TypeError, ArithmeticError, KeyError) as error:
        raise InputError(
            f"`model` must be able to answer the rows of `table`. Found: {type(error).__name__} in "
            f"rows {drawn.numbers[part.start]} to {drawn.numbers[part.stop - 1]}. Pass the "
            f"training table, or leave out the rows that it can't answer."
        ) from error
    answers = answers_of(model, output).tolist()
    return Answers(answers, output.tolist() if model.info.classes else [])


def _compare(drawn: Drawn, wanted: list[Answers], server: Server, protocol: Protocol) -> Found:
    differing: list[int] = []
    unanswered: list[int] = []
    largest, said = 0.0, ""
    for part, expected in zip(drawn.parts(), wanted, strict=True):
        numbers = drawn.numbers[part]
        rows = drawn.rows.slice(part.start, part.stop - part.start)
        try:
            answers = server.ask(protocol, drawn.model, rows)
        except NoAnswerError as error:
            unanswered += numbers
            said = said or str(error)
            continue
        for place, number in enumerate(numbers):
            same, difference = _difference(expected, answers, place)
            largest = max(largest, difference)
            if not same:
                differing.append(number)
    return Found(protocol, tuple(differing), tuple(unanswered), largest, said)


def _difference(expected: Answers, found: Answers, place: int) -> tuple[bool, float]:
    """Tell whether two answers to a row are the same, and how far apart their numbers are."""
    mine = [expected.predictions[place], *(expected.probabilities or [[]] * (place + 1))[place]]
    lists = (found.predictions, found.probabilities or [[]] * (place + 1))
    if any(len(values) <= place for values in lists) or not isinstance(lists[1][place], list):
        return False, 0.0
    theirs = [lists[0][place], *lists[1][place]]
    # A label that is another type is another label.
    alike = [type(a) is type(b) and a == b for a, b in zip(mine, theirs, strict=False)]
    gaps = [
        abs(a - b)
        for a, b in zip(mine, theirs, strict=False)
        if isinstance(a, float) and isinstance(b, float)
    ]
    return len(mine) == len(theirs) and all(alike), max(gaps, default=0.0)
