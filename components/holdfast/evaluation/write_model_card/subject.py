"""What a saved model is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.model import ModelInfo, load_model, unwrapped


@dataclass(frozen=True)
class Subject:
    """A model: what it says about itself, its estimator and parameters, and its libraries."""

    info: ModelInfo
    steps: tuple[str, ...]
    parameters: dict[str, str]
    libraries: tuple[str, ...]


def read_subject(path: str | Path) -> Subject:
    """Read a model.

    Raises:
        InputError: It is no model of ours.
    """
    model = load_model(path)
    estimator = unwrapped(model.pipeline.steps[-1][1])
    steps = [type(step).__name__ for _, step in model.pipeline.steps[:-1]]
    requirements = Path(path) / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split("\n") if requirements.is_file() else []
    return Subject(
        model.info,
        (*steps, type(estimator).__name__),
        _parameters(estimator),
        tuple(sorted(line.strip() for line in lines if "==" in line)),
    )


def _parameters(estimator: Any) -> dict[str, str]:
    """Return the parameters that are plain and set."""
    return {
        name: str(value)
        for name, value in sorted(estimator.get_params(deep=False).items())
        if isinstance(value, bool | int | float | str)
    }
