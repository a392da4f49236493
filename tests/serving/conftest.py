"""Models that several tests of serving share."""

import pytest


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """The table of people and the folder of a model of it."""
    from tests.serving import predictors

    folder = tmp_path_factory.mktemp("people")
    table = predictors.people(folder / "table")
    return table, predictors.save(predictors.trees(table), table, folder / "model")


@pytest.fixture(scope="session")
def server(people, tmp_path_factory):
    """A server process of the model of people."""
    from tests.serving.predictors import serving

    log = tmp_path_factory.mktemp("server") / "log"
    with serving(people[1], log, "--body-seconds", "3") as running:
        yield running
