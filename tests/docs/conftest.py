"""Each page has a checkout of its own; those that need a trained model share one."""

import pytest

from tests.docs import checkout
from tests.docs.pages import Reader
from tests.programs import free_port
from tests.support import ROOT

DOCS = ROOT / "docs"


@pytest.fixture
def shell(tmp_path) -> Reader:
    """A checkout that a page may change, and a shell in it."""
    return Reader(tmp_path / "checkout", checkout.make(tmp_path / "checkout"))


@pytest.fixture(scope="session")
def own_table(tmp_path_factory) -> tuple[Reader, list[str]]:
    """Follow the page that trains a model; return the shell and what its commands printed."""
    folder = tmp_path_factory.mktemp("trained") / "checkout"
    reader = Reader(folder, checkout.make(folder), {"8080": str(free_port())})
    return reader, reader.follow(DOCS / "own-table.md")
