"""docs/promote.md, with the model that docs/own-table.md trained."""

from tests.docs.conftest import DOCS


def test_the_page_of_promotion_does_what_it_says(own_table):
    shell, _ = own_table
    printed = shell.follow(DOCS / "promote.md")
    assert any("decision             pass" in text for text in printed)
