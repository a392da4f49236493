"""Conditions of the compiled YAML, as far as they can be told before a run."""

import pytest

from holdfast.lint.table_contracts.conditions import holds


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", True),
        ("'a' == 'a'", True),
        ("int(3) > 4", False),
        # A file may hold anything: what cannot be told is left to the run.
        ("int(1e999) == 1", None),
        ("__99 == 1", None),
        ("1 /", None),
        ("f() == 1", None),
    ],
)
def test_a_condition_is_told_or_left_to_the_run(condition, found):
    assert holds(condition, {}) is found
