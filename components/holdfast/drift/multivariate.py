"""Detectors that look at all columns at once: they see what columns do together."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.drift.alibi import detector_class
from holdfast.drift.columns import Judged
from holdfast.drift.encoding import names_of, numbers_of
from holdfast.errors import MachineError

Floats: TypeAlias = "npt.NDArray[np.float64]"

# What a method needs beyond scikit-learn.
NEEDED = {"mmd": ("torch",), "lsdd": ("torch",), "spot_the_diff": ("torch", "tqdm")}
# Time and memory of the kernel methods grow with the square of the rows.
ROWS = {"classifier": 10_000, "mmd": 2_000, "lsdd": 2_000, "spot_the_diff": 2_000}
# More columns of zeros and ones say little more.
CATEGORIES = 20


@dataclass(frozen=True)
class Together:
    """What a multivariate detector found; `effect` is 0 to 1, NaN where it has no scale."""

    name: str
    statistic: float
    p_value: float
    effect: float


def require_backend(method: str) -> None:
    """Refuse a detector that this environment can't run.

    Raises:
        MachineError: It needs PyTorch, which is not there.
    """
    lacking = [name for name in NEEDED.get(method, ()) if find_spec(name) is None]
    if lacking:
        raise MachineError(
            f"`method` {method} needs {' and '.join(NEEDED[method])} (PyTorch), which the drift "
            f"image leaves out. Found: no {' and no '.join(lacking)} in this environment. Add them "
            f"to images/drift/requirements.in and build the image, or take tabular, cvm, fet or "
            f"classifier."
        )


def compare_together(
    reference: pa.Table,
    current: pa.Table,
    judged: Sequence[Judged],
    method: str,
    components: float,
    p_value: float,
    seed: int,
) -> Together:
    """Compare two samples of rows as wholes.

    classifier: how well gradient boosting tells one from the other on rows it has not seen;
        `effect` is the largest distance between the two distributions of its scores.
    mmd, lsdd, spot_the_diff: Alibi Detect's permutation tests and learned kernels, on PyTorch.
    """
    require_backend(method)
    before, now = matrices(reference, current, judged)
    if components:
        before, now = _principal(before, now, components)
    rows = ROWS[method]
    before, now = (_some(part, rows, seed + place) for place, part in enumerate((before, now)))
    with _seeded(seed):
        if method == "classifier":
            found = _classifier(before, p_value, seed).predict(now)["data"]
        else:
            detector = _torch(method, before, p_value, seed)
            found = detector.predict(now.astype(np.float32))["data"]
    distance = float(found["distance"])
    effect = distance if method == "classifier" else float("nan")
    return Together(method, distance, float(found["p_val"]), effect)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Give Alibi Detect its draws, which come from NumPy's global generator, and one thread.

    On busy cores two threads take four times as long.
    """
    from threadpoolctl import threadpool_limits

    state = np.random.get_state()
    np.random.seed(seed)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            # Where the exact p-value can't be had, SciPy takes the asymptotic one and says so.
            warnings.filterwarnings("ignore", "ks_2samp: Exact", RuntimeWarning)
            yield
    finally:
        np.random.set_state(state)


def matrices(
    reference: pa.Table, current: pa.Table, judged: Sequence[Judged]
) -> tuple[Floats, Floats]:
    """Return both as numbers of about the same scale.

    Numbers in standard deviations of the reference from its mean, missing ones at the mean with a
    column that says so; a column for each of a category's 20 most frequent values.
    """
    parts: list[tuple[Floats, Floats]] = []
    for column in judged:
        both = reference[column.name], current[column.name]
        parts += _scaled(*both) if column.kind == "number" else _one_hot(*both, column)
    befores, nows = zip(*parts, strict=True)
    return np.column_stack(befores), np.column_stack(nows)


def _scaled(before: pa.ChunkedArray, now: pa.ChunkedArray) -> list[tuple[Floats, Floats]]:
    pair = [np.where(np.isfinite(v), v, np.nan) for v in map(numbers_of, (before, now))]
    missing = [np.isnan(values) for values in pair]
    known = pair[0][~missing[0]]
    mean, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
    scaled = [np.nan_to_num((values - mean) / (spread or 1.0)) for values in pair]
    found = [(scaled[0], scaled[1])]
    if missing[0].any() or missing[1].any():
        found.append((missing[0].astype(float), missing[1].astype(float)))
    return found


def _one_hot(
    before: pa.ChunkedArray, now: pa.ChunkedArray, column: Judged
) -> list[tuple[Floats, Floats]]:
    pair = names_of(before, column), names_of(now, column)
    counts = pc.value_counts(pair[0].drop_null()).to_pylist()
    counts.sort(key=lambda entry: (-entry["counts"], entry["values"]))
    known = pa.array([entry["values"] for entry in counts[:CATEGORIES]], pa.large_string())
    places = [pc.index_in(values, value_set=known).fill_null(len(known)) for values in pair]
    codes = [np.asarray(place.to_numpy()) for place in places]
    return [
        ((codes[0] == n).astype(float), (codes[1] == n).astype(float))
        for n in range(len(known) + 1)
    ]


def _principal(before: Floats, now: Floats, components: float) -> tuple[Floats, Floats]:
    from sklearn.decomposition import PCA

    wanted = components if components < 1 else min(int(components), *before.shape)
    pca = PCA(n_components=wanted, svd_solver="full").fit(before)
    return pca.transform(before), pca.transform(now)


def _some(rows: Floats, wanted: int, seed: int) -> Floats:
    if len(rows) <= wanted:
        return rows
    generator = np.random.default_rng(seed)
    return rows[np.sort(generator.choice(len(rows), wanted, replace=False, shuffle=False))]


def _classifier(reference: Floats, p_value: float, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Half of the rows to learn from, half to test on: then its p-value is exact.
    return detector_class("cd.sklearn.classifier", "ClassifierDriftSklearn")(
        reference,
        HistGradientBoostingClassifier(max_iter=50, random_state=seed),
        p_val=p_value,
        train_size=0.5,
        seed=seed,
    )


def _torch(method: str, reference: Floats, p_value: float, seed: int) -> Any:
    import torch

    torch.manual_seed(seed)
    module, name = {
        "mmd": ("cd.pytorch.mmd", "MMDDriftTorch"),
        "lsdd": ("cd.pytorch.lsdd", "LSDDDriftTorch"),
        "spot_the_diff": ("cd.pytorch.spot_the_diff", "SpotTheDiffDriftTorch"),
    }[method]
    return detector_class(module, name)(reference.astype(np.float32), p_val=p_value, device="cpu")
