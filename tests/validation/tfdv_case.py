"""The table that ours and the whole of TFDV are compared on, as plain columns."""

import math

ROWS = 400


def original() -> dict[str, list]:
    """Return numbers, booleans and text, with missing values, ties, negatives and zeros."""
    rows = range(ROWS)
    return {
        "whole": [i * 7919 % 101 - 50 for i in rows],
        "real": [math.nan if i % 13 == 0 else math.sin(i) * 1e3 for i in rows],
        "flag": [i % 3 == 0 for i in rows],
        "colour": [None if i % 11 == 0 else ("red", "green", "blue")[i % 3] for i in rows],
        "city": [f"city {i % 40}" for i in rows],
        "name": [f"person {i}" for i in rows],
        "accent": [("\u00e9t\u00e9", "\u00fcber")[i % 2] for i in rows],
    }


def changed() -> dict[str, list]:
    """Return the table with a new colour, a column gone, one new, one missing values, one text."""
    columns = original()
    columns["colour"][5] = "violet"
    columns["accent"] = [None, *columns["accent"][1:]]
    columns["whole"] = [str(value) for value in columns["whole"]]
    columns["new"] = list(range(ROWS))
    del columns["city"]
    return columns
