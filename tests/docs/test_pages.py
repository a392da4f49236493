"""The runner of pages itself: what is wrong on a page does not pass."""

import os
import time
from pathlib import Path

import pytest

from tests.docs.pages import Reader, WrongPageError, ends_with


@pytest.fixture
def follow(tmp_path):
    """Return a function that follows a page that is written out, with ~~~ for the fences."""

    def call(text: str, **stand_ins: str) -> list[str]:
        page = tmp_path / "page.md"
        page.write_text(text.replace("~~~", "```"))
        return Reader(tmp_path, dict(os.environ), stand_ins).follow(page)

    return call


def test_files_are_written_and_commands_see_them_and_what_was_exported(follow):
    page = "In `a/b.txt`:\n\n~~~csv\nHOST\n~~~\n\n~~~bash\nexport X=$(cat a/b.txt)\n~~~\n"
    printed = follow(
        page + "\n~~~bash\necho one; echo $X\n~~~\n\n~~~text\nhere\n~~~\n", HOST="here"
    )
    assert printed == ["", "one\nhere\n"]


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("~~~bash\nfalse\ntrue\n~~~\n", "page.md:2 ended with 1"),
        ("~~~bash\nfalse | true\n~~~\n", "page.md:2 ended with 1"),
        ("~~~bash\necho $NOWHERE\n~~~\n", "page.md:2 ended with"),
        ("~~~bash\necho 2\n~~~\n\n~~~text\n3\n~~~\n", "page.md:6 shows\n3\n"),
        ("Look:\n\n~~~python\n1\n~~~\n", "page.md:4: name the file"),
        ("~~~\nls\n~~~\n", "page.md:2: name the file"),
    ],
)
def test_what_a_page_gets_wrong_is_told_with_its_line(follow, page, told):
    with pytest.raises(WrongPageError) as error:
        follow(page)
    assert told in str(error.value)


def test_output_is_compared_at_its_end_line_by_line():
    assert ends_with("a\nb  1.25 s\nc\n", "b 1... s\nc\n")
    assert ends_with("a\nb\nx\ny\nc\n", "b\n...\nc\n")
    assert ends_with("b\nc\n", "b\n...\nc\n")
    assert not ends_with("b\nc\nd\n", "b\nc\n")
    assert not ends_with("ab\n", "b\n")


def test_what_was_started_in_the_background_ends_with_the_page(follow, tmp_path):
    (printed,) = follow("~~~bash\nsleep 600 &\necho $!\n~~~\n")
    for _ in range(1200):
        try:
            state = Path(f"/proc/{int(printed)}/stat").read_text().split()[2]
        except (FileNotFoundError, ProcessLookupError):
            return
        # Z: ended, and nobody has asked how.
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("it still runs")
