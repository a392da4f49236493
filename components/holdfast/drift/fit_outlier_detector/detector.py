"""An outlier detector: how rows are read, what scores them, and where a score is an outlier's.

The threshold is a score of rows that the detector was not fitted on. Of m such rows it is the
r-th smallest score, r = ceil((m + 1) (1 - contamination)); a row of the same population lies above
with a probability that is Beta(m + 1 - r, r) distributed, `contamination` or a little less in the
mean, whatever the detector, the columns or their distribution (split conformal: Papadopoulos et al.
2002; for outliers: Laxhammar 2014, Bates et al. 2023).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from holdfast.drift.fit_outlier_detector import scoring
from holdfast.drift.fit_outlier_detector.encoding import Code, Encoded, encode, with_grid
from holdfast.errors import InputError, first_line, lack
from holdfast.reading import UNREADABLE, read_json
from holdfast.writing import whole

if TYPE_CHECKING:
    import numpy.typing as npt

CONTRACT = "outlier_detector/1"
FILE = "outlier_detector.json"
ARRAYS = "outlier_detector.npz"


@dataclass(frozen=True)
class About:
    """What a detector says of itself.

    `known` are all columns of the reference, `data_sha256` is its content's; `learned` and `judged`
    count the rows that the scorer and the threshold come from.
    """

    method: str
    contamination: float
    seed: int
    threshold: float
    learned: int
    judged: int
    known: tuple[str, ...]
    target: str
    data_sha256: str


@dataclass(frozen=True)
class OutlierDetector:
    """A fitted detector; `scores` are those of the judged rows of the reference, ascending."""

    about: About
    codes: tuple[Code, ...]
    scorer: scoring.Scorer
    scores: "npt.NDArray[np.float64]"

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return [code.name for code in self.codes]

    @property
    def beyond(self) -> int:
        """How many places the threshold leaves above itself among judged rows and a new one."""
        judged = self.about.judged
        return judged + 1 - rank(judged, self.about.contamination)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Return rows as the scorer reads them."""
        rare, ends = self.about.contamination, self.scorer.blind_beyond
        return encode(batch, self.codes, rare, ends=ends)

    def score(self, rows: Encoded) -> "npt.NDArray[np.float64]":
        """Return the score of each row: the scorer's, and what surprises add."""
        if not len(rows.values):
            return np.empty(0)
        return self.scorer.score(rows.values) + self.scorer.surprise * rows.surprises.sum(axis=1)

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact of this detector says about itself."""
        about = asdict(self.about)
        del about["known"]
        return {"holdfast_contract": CONTRACT, "columns": len(self.codes), **about}

    def write(self, path: str | Path) -> None:
        """Write the directory, which appears whole or not at all."""
        about = {
            key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self.about).items()
        }
        columns = [{k: v for k, v in asdict(code).items() if k != "grid"} for code in self.codes]
        document = {"holdfast_contract": CONTRACT, **about, "columns": columns}
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        grids = {f"grid_{place}": np.array(code.grid) for place, code in enumerate(self.codes)}
        arrays = {"scores": self.scores, **grids, **self.scorer.arrays()}
        with whole(path) as unfinished:
            unfinished.mkdir()
            (unfinished / FILE).write_text(text, encoding="utf-8")
            np.savez_compressed(unfinished / ARRAYS, **arrays)


def rank(judged: int, contamination: float) -> int:
    """Return the place of the threshold among so many scores, from 1."""
    return math.ceil((judged + 1) * (1 - contamination) - 1e-9)


def read_detector(path: str | Path, name: str = "detector") -> OutlierDetector:
    """Read a detector.

    Raises:
        InputError: There is none there, or it does not work under these libraries.
    """
    try:
        document = read_json((Path(path) / FILE).read_text(encoding="utf-8"))
        if document.pop("holdfast_contract", None) != CONTRACT:
            raise ValueError(f"its contract is not {CONTRACT}")
        with np.load(Path(path) / ARRAYS, allow_pickle=False) as stored:
            arrays = dict(stored)
        codes = _codes(document.pop("columns"), arrays)
        about = About(**{**document, "known": tuple(document["known"])})
        if about.method not in scoring.METHODS:
            raise ValueError(f"its method is {about.method!r}")
        scorer = scoring.restore(about.method, arrays, about.seed)
        return OutlierDetector(about, codes, scorer, arrays["scores"])
    except UNREADABLE as error:
        raise lack(error, memory=False) or InputError(
            f"`{name}` must be an outlier detector. Found: {first_line(error)}. Pass the "
            f"`detector` output of fit_outlier_detector."
        ) from error


def _codes(columns: Sequence[dict[str, Any]], arrays: dict[str, Any]) -> tuple[Code, ...]:
    codes = []
    for place, column in enumerate(columns):
        lists = {key: tuple(column[key]) for key in ("values", "counts")}
        code = Code(**{**column, **lists, "grid": ()})
        codes.append(with_grid(code, arrays[f"grid_{place}"].tolist()))
    return tuple(codes)
