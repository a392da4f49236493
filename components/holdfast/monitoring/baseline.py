"""The performance baseline: what monitoring keeps of a reference, so that it is read only once.

A directory: `baseline.json`, `arrays.npz` with the calibrator's maps and the quantiles of errors,
and for regression `losses.skops`, the trees that expect an error. No rows are in it, and no pickle.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.errors import InputError, first_line, lack
from holdfast.monitoring import covariates, loss_estimation
from holdfast.monitoring.calibration import Calibrator
from holdfast.monitoring.covariates import Covariate
from holdfast.monitoring.loss_estimation import LossEstimator
from holdfast.performance.bootstrap import Interval
from holdfast.reading import UNREADABLE, read_json
from holdfast.table import Task
from holdfast.writing import whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

CONTRACT = "performance_baseline/1"
DOCUMENT, ARRAYS, LOSSES = "baseline.json", "arrays.npz", "losses.skops"
VERSIONS = ("numpy", "scikit-learn", "skops")


@dataclass(frozen=True)
class Reliability:
    """Bins of equal width of a judged probability: rows, its mean, and the share come true."""

    sizes: tuple[float, ...] = ()
    expected: tuple[float, ...] = ()
    observed: tuple[float, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where a baseline comes from."""

    target: str
    task: Task
    classes: tuple[Any, ...]
    model_name: str
    model_version: str
    data_sha256: str
    rows: int
    confidence_level: float
    seed: int
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PerformanceBaseline:
    """What is known of a model's performance on its reference.

    `metrics` are measured; `estimated` are the same metrics as the estimate has them for the
    reference, by maps or trees that have not seen the row. `errors` are 1,001 quantiles: of
    prediction less truth, or of what the probability of the true class lacks of 1.
    """

    origin: Origin
    metrics: dict[str, Interval]
    estimated: dict[str, float]
    covariates: tuple[Covariate, ...]
    reliability: Reliability
    errors: "Floats"
    calibrator: Calibrator | None = None
    losses: LossEstimator | None = None

    @property
    def unit(self) -> float:
        """What a residual of the covariates is measured against: the accuracy or mean error."""
        name = "accuracy" if self.origin.task == "classification" else "mae"
        return self.metrics[name].value

    def write(self, path: str | Path) -> None:
        """Write the directory, whole or not at all."""
        import numpy as np

        arrays = {"errors": self.errors}
        if self.calibrator:
            arrays |= {"points": self.calibrator.points, "values": self.calibrator.values}
        text = json.dumps(self._document(), indent=1, ensure_ascii=False, allow_nan=False)
        with whole(path) as unfinished:
            unfinished.mkdir()
            np.savez_compressed(unfinished / ARRAYS, **arrays)
            if self.losses:
                self.losses.write(unfinished / LOSSES)
            (unfinished / DOCUMENT).write_text(text + "\n", encoding="utf-8")

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact says about itself."""
        known = self.origin
        return {
            "holdfast_contract": CONTRACT,
            "rows": known.rows,
            "task": known.task,
            "target": known.target,
            "model_name": known.model_name,
            "model_version": known.model_version,
        }

    def _document(self) -> dict[str, Any]:
        return {
            "holdfast_contract": CONTRACT,
            "origin": asdict(self.origin),
            "metrics": {name: asdict(found) for name, found in self.metrics.items()},
            "estimated": self.estimated,
            "covariates": [asdict(column) for column in self.covariates],
            "reliability": asdict(self.reliability),
            "calibration": self.calibrator.method if self.calibrator else "",
            "spread": self.losses.spread if self.losses else {},
        }


def read_baseline(path: str | Path, name: str = "baseline") -> PerformanceBaseline:
    """Read a baseline.

    Raises:
        InputError: It is none, or of another version of the contract.
    """
    import numpy as np

    folder = Path(path)
    try:
        document = read_json((folder / DOCUMENT).read_text(encoding="utf-8"))
        found = document["holdfast_contract"]
        if found != CONTRACT:
            raise ValueError(f"its contract is {found!r}, not {CONTRACT!r}")
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            kept = {key: arrays[key] for key in arrays.files}
        return _restored(document, kept, folder, name)
    except UNREADABLE as error:
        raise lack(error, memory=False) or InputError(
            f"`{name}` must be a performance baseline of contract {CONTRACT}. Found: "
            f"{first_line(error)}. Pass the output of this version's fit_performance_baseline."
        ) from error


def _restored(
    document: Mapping[str, Any], kept: "dict[str, Floats]", folder: Path, name: str
) -> PerformanceBaseline:
    origin = Origin(**{**document["origin"], "classes": tuple(document["origin"]["classes"])})
    method, spread = document["calibration"], document["spread"]
    losses = loss_estimation.read(folder / LOSSES, spread, name) if spread else None
    bins = {key: tuple(values) for key, values in document["reliability"].items()}
    return PerformanceBaseline(
        origin,
        {key: Interval(**found) for key, found in document["metrics"].items()},
        document["estimated"],
        tuple(covariates.read(column) for column in document["covariates"]),
        Reliability(**bins),
        kept["errors"],
        Calibrator(method, kept["points"], kept["values"]) if method else None,
        losses,
    )
