"""docs/one-component.md."""

from tests.docs.conftest import DOCS


def test_the_page_of_one_component_does_what_it_says(shell):
    assert shell.follow(DOCS / "one-component.md")
