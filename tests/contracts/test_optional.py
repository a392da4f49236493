"""What need not be there, and what is left where there are too few rows to learn from."""

import pytest

from holdfast.errors import InputError
from holdfast.optional import NotEnough, is_there, left_out


def test_no_path_nothing_an_empty_file_and_an_empty_folder_are_not_there(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    assert not any(map(is_there, ("", tmp_path / "no", tmp_path / "empty", tmp_path / "folder")))
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "full").write_text("x")
    assert is_there(tmp_path / "folder")
    assert is_there(tmp_path / "full")


@pytest.fixture
def places(tmp_path):
    return [str(tmp_path / name) for name in ("artifact", "page.html", "page.md")]


def test_too_few_rows_leave_an_empty_file_and_a_page_that_says_why(places, tmp_path):
    with left_out(True, *places):
        raise NotEnough("`reference` must have at least 50 rows. Found: 36.")
    assert (tmp_path / "artifact").is_file()
    assert not is_there(tmp_path / "artifact")
    assert "Found: 36" in (tmp_path / "page.html").read_text()
    assert "no\\_baseline" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize(
    ("optional", "error"), [(False, NotEnough("few")), (True, InputError("wrong column"))]
)
def test_where_rows_are_required_and_for_any_other_mistake_it_is_an_error(
    optional, error, places, tmp_path
):
    with pytest.raises(InputError, match=str(error)), left_out(optional, *places):
        raise error
    assert list(tmp_path.iterdir()) == []
