"""The plain script's steps in ZenML: python zenml_flow.py TABLE TARGET FOLDER.

On the local stack: one process, each output written to the artifact store and read again by the
next step. Nothing is cached between runs.
"""

import sys
from typing import Annotated

import pandas as pd
from sklearn.pipeline import Pipeline
from zenml import pipeline, step

from tests.bench.work import plain_script


@step
def split(
    path: str, target: str
) -> tuple[Annotated[pd.DataFrame, "train"], Annotated[pd.DataFrame, "test"]]:
    """Read and split."""
    # ZenML reads from the return statement that there are two.
    train, test = plain_script.split(path, target)
    return train, test


@step
def check(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Validate."""
    plain_script.check(train, test)


@step
def fit(train: pd.DataFrame, target: str) -> Pipeline:
    """Train."""
    return plain_script.fit(train, target)


@step
def judge(model: Pipeline, test: pd.DataFrame, target: str) -> dict[str, float]:
    """Judge."""
    return plain_script.judge(model, test, target)


@step
def register(
    model: Pipeline, test: pd.DataFrame, metrics: dict[str, float], target: str, folder: str
) -> None:
    """Register."""
    plain_script.register(model, test.drop(columns=target), metrics, folder)


@pipeline(enable_cache=False)
def adult(path: str, target: str, folder: str) -> None:
    """Read, split, validate, fit, train, judge, register."""
    train, test = split(path, target)
    check(train, test)
    model = fit(train, target)
    metrics = judge(model, test, target)
    register(model, test, metrics, target, folder)


if __name__ == "__main__":
    adult(*sys.argv[1:])
