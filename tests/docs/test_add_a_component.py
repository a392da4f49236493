"""docs/add-a-component.md."""

from tests.docs.conftest import DOCS


def test_the_page_of_a_new_component_does_what_it_says(shell):
    assert shell.follow(DOCS / "add-a-component.md")
    root = shell.folder
    assert (root / "components/holdfast/data/count_missing/README.md").is_file()
    assert "[count_missing]" in (root / "README.md").read_text()
