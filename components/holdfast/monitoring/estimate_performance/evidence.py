"""What is gathered from rows without labels, window by window, in one pass."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.errors import InputError
from holdfast.monitoring import covariates, loss_estimation
from holdfast.monitoring.baseline import PerformanceBaseline
from holdfast.monitoring.covariates import Placed
from holdfast.monitoring.join_rows import window_of
from holdfast.monitoring.loss_estimation import LossSums
from holdfast.monitoring.scored import Scored, answers_of, probabilities_of
from holdfast.monitoring.time_windows import Windows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass
class Evidence:
    """What is known of the rows of a window.

    `cells` are the rows by cell of each covariate, `outside` the rows outside of the reference by
    covariate, and `left` those that are outside in any. Answers are kept for classification only.
    """

    rows: int
    left: int
    outside: "npt.NDArray[np.int64]"
    cells: "list[Floats]"
    sums: LossSums
    answers: list[Any] = field(default_factory=list)
    probabilities: list[Any] = field(default_factory=list)

    def scores(self) -> "tuple[npt.NDArray[Any], Floats]":
        """Return answers and probabilities of all rows."""
        import numpy as np

        return np.concatenate(self.answers), np.concatenate(self.probabilities)


def gather(scored: Scored, baseline: PerformanceBaseline, windows: Windows) -> dict[int, Evidence]:
    """Return the evidence of each window, and of what is in none.

    Raises:
        InputError: A column is missing, or of another type than in the reference.
    """
    names = [column.name for column in baseline.covariates]
    lacking = [name for name in names if name not in scored.table.schema.names]
    if lacking:
        raise InputError(
            f"`predictions` must hold the columns of the reference. Found: it lacks {lacking}. "
            f"Score rows with all columns that the model reads, or fit the baseline again."
        )
    found: dict[int, Evidence] = {}
    timed = [windows.column] if windows.column else []
    for batch in scored.batches([*names, *timed]):
        if not batch.num_rows:
            continue
        starts = window_of(batch, windows, scored.name)[0].to_numpy(zero_copy_only=False)
        placed = [covariates.place(c, batch[c.name]) for c in baseline.covariates]
        losses = baseline.losses.losses(covariates.matrix(placed)) if baseline.losses else {}
        answers = (answers_of(batch), probabilities_of(batch, scored.columns))
        for start, chosen in _parts(starts):
            evidence = found.setdefault(start, _none(baseline))
            _add(evidence, placed, chosen)
            if baseline.losses:
                evidence.sums.add(losses, chosen)
            else:
                evidence.answers.append(answers[0][chosen])
                evidence.probabilities.append(answers[1][chosen])
    return found


def merged(parts: list[Evidence], baseline: PerformanceBaseline) -> Evidence:
    """Return the evidence of several windows together."""
    whole = _none(baseline)
    for part in parts:
        whole.rows += part.rows
        whole.left += part.left
        whole.outside = whole.outside + part.outside
        whole.cells = [a + b for a, b in zip(whole.cells, part.cells, strict=True)]
        whole.sums.rows += part.sums.rows
        for name, sums in part.sums.sums.items():
            whole.sums.sums[name] = whole.sums.sums[name] + sums
            whole.sums.squares[name] += part.sums.squares[name]
        whole.answers += part.answers
        whole.probabilities += part.probabilities
    return whole


def _none(baseline: PerformanceBaseline) -> Evidence:
    import numpy as np

    cells = [np.zeros(len(column.counts)) for column in baseline.covariates]
    outside = np.zeros(len(baseline.covariates), np.int64)
    return Evidence(0, 0, outside, cells, loss_estimation.no_losses())


def _parts(starts: "npt.NDArray[Any]") -> "Iterator[tuple[int, npt.NDArray[np.bool_]]]":
    import numpy as np

    for start in np.unique(starts).tolist():
        yield start, starts == start


def _add(evidence: Evidence, placed: list[Placed], chosen: "npt.NDArray[np.bool_]") -> None:
    import numpy as np

    left = np.zeros(len(chosen), bool)
    for place, column in enumerate(placed):
        left |= column.outside
        evidence.outside[place] += int(column.outside[chosen].sum())
        size = len(evidence.cells[place])
        evidence.cells[place] += np.bincount(column.cells[chosen], minlength=size)
    evidence.rows += int(chosen.sum())
    evidence.left += int((left & chosen).sum())
