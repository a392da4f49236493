"""The detector contract: a directory that knows the reference, so that nobody reads it again.

`detector.json` has what was asked for and which columns are judged; `profile/` is the reference's
profile, of all its rows; `sample.parquet` holds the rows that tests compare with. Alibi Detect's
detector is made of these anew: what its own `save_detector` writes, it reads back with dill.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.drift.columns import Judged
from holdfast.drift.significance import Correction, Method
from holdfast.errors import InputError, lack
from holdfast.optional import is_there
from holdfast.profiles.profile import FILE, Profile, read_profile
from holdfast.reading import UNREADABLE, read_json
from holdfast.writing import whole

CONTRACT = "drift_detector/1"
DOCUMENT, SAMPLE, PROFILE = "detector.json", "sample.parquet", "profile"
LIBRARIES = ("alibi-detect", "numpy", "scipy", "scikit-learn", "pyarrow")


@dataclass(frozen=True)
class Settings:
    """How a table is compared.

    components: Share of the variance, or number of principal components, that a multivariate
        method sees; 0 for the columns themselves.
    seed: Of the rows that are drawn, and of what the tests draw.
    """

    method: Method = "tabular"
    correction: Correction = "permutation"
    p_value: float = 0.05
    components: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Detector:
    """What is known of the reference; `sample` holds the judged columns of some of its rows."""

    settings: Settings
    judged: tuple[Judged, ...]
    left_out: dict[str, str]
    target: str
    rows: int
    profile: Profile
    sample: pa.Table
    data_sha256: str = ""
    libraries: dict[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact says about itself."""
        return {
            "holdfast_contract": CONTRACT,
            "method": self.settings.method,
            "correction": self.settings.correction,
            "p_value": self.settings.p_value,
            "columns": len(self.judged),
            "rows": self.rows,
            "sample_rows": self.sample.num_rows,
            "seed": self.settings.seed,
            "data_sha256": self.data_sha256,
            **{f"version_{name}": found for name, found in self.libraries.items()},
        }

    def write(self, path: str | Path) -> None:
        """Write the directory: all of it or nothing."""
        with whole(path) as unfinished:
            self.profile.write(unfinished / PROFILE)
            pq.write_table(self.sample, unfinished / SAMPLE, compression="zstd")
            files = {name: _sha256(unfinished / name) for name in _files()}
            text = json.dumps(self._document(files), indent=2, ensure_ascii=False) + "\n"
            (unfinished / DOCUMENT).write_text(text, encoding="utf-8")

    def _document(self, files: dict[str, str]) -> dict[str, Any]:
        return {
            "contract": CONTRACT,
            "settings": asdict(self.settings),
            "columns": [asdict(column) for column in self.judged],
            "left_out": self.left_out,
            "target": self.target,
            "rows": self.rows,
            "data_sha256": self.data_sha256,
            "libraries": self.libraries,
            "files": files,
        }


def read_detector(path: str | Path) -> Detector | None:
    """Read a detector; None where there is nothing at all: no path, no folder, or an empty one.

    Raises:
        InputError: What is there is no detector, is cut off, or is of another version.
    """
    folder = Path(path)
    if not is_there(path):
        return None
    try:
        document = read_json((folder / DOCUMENT).read_text(encoding="utf-8"))
        found = document.get("contract")
    except (OSError, ValueError, AttributeError) as error:
        raise _unreadable(f"no readable {DOCUMENT} ({type(error).__name__})") from error
    if found != CONTRACT:
        raise InputError(
            f"`detector` must be of the contract {CONTRACT}. Found: {found}. Fit it again with "
            f"fit_drift_detector of this version."
        )
    files = document.get("files")
    if not isinstance(files, dict) or set(files) != set(_files()):
        raise _unreadable("other files than its own")
    for name, expected in files.items():
        file = folder / name
        if not file.is_file() or _sha256(file) != expected:
            raise _unreadable(f"{name} is missing, or is not as it was written")
    try:
        return Detector(
            _settings(document["settings"]),
            tuple(Judged(**column) for column in document["columns"]),
            document["left_out"], document["target"], document["rows"],
            read_profile(folder / PROFILE, "detector"),
            pq.read_table(folder / SAMPLE),
            document["data_sha256"], document["libraries"],
        )  # fmt: skip
    except (*UNREADABLE, pa.ArrowException) as error:
        raise lack(error, memory=False) or _unreadable(
            f"a {DOCUMENT} that lacks something ({error})"
        ) from error


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that a detector rests on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _settings(document: dict[str, Any]) -> Settings:
    settings = Settings(**document)
    known = (*get_args(Method),), (*get_args(Correction),)
    if settings.method not in known[0] or settings.correction not in known[1]:
        raise ValueError(f"method {settings.method}, correction {settings.correction}")
    return settings


def _files() -> tuple[str, ...]:
    return f"{PROFILE}/{FILE}", SAMPLE


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _unreadable(found: str) -> InputError:
    return InputError(
        f"`detector` must be what fit_drift_detector wrote. Found: {found}. Fit it again, or fetch "
        f"it again."
    )
