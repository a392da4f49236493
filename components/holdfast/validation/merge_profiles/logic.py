"""Merge profiles."""

from collections.abc import Sequence

from holdfast.errors import InputError
from holdfast.profiles.profile import Profile, read_profile
from holdfast.validation.profile_page import report

__all__ = ["merge", "report"]


def merge(paths: Sequence[str]) -> Profile:
    """Read profiles and return that of all their rows.

    Raises:
        InputError: There is none, or they are of tables with other columns.
    """
    if not paths:
        raise InputError(
            "`profiles` must name at least one profile. Found: none. Pass what profile_table wrote."
        )
    merged = read_profile(paths[0], "profiles")
    for path in paths[1:]:
        merged.merge(read_profile(path, "profiles"))
    return merged
