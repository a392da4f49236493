"""The pytest plugin. It is loaded in every session of pytest, so that it imports pytest alone."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from holdfast.testing.running import RunComponent


@pytest.fixture
def run_component(tmp_path_factory: pytest.TempPathFactory) -> "RunComponent":
    """Run a component of Kubeflow Pipelines with real files; see RunComponent."""
    from holdfast.testing.running import RunComponent

    return RunComponent(tmp_path_factory.mktemp("component"))
