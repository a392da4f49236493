"""Fixtures for every group of tests; imports nothing but pytest."""

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def real_table():
    """Return a function from a file name to its path among the real tables."""

    def find(name: str) -> Path:
        path = REAL_DATA / name
        if not path.is_file():
            pytest.skip(f"real table {name} is not in {REAL_DATA}")
        return path

    return find
