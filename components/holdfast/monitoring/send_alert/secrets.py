"""Addresses and passwords: read from the environment, and taken out of all that is written."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Shorter ones would take letters out of every word; and parts of a path are often plain words.
SHORTEST = 4
SHORTEST_SEGMENT = 8


class UndeliveredError(Exception):
    """A message did not arrive; the text says why, without an address or a password."""


@dataclass(frozen=True)
class Secrets:
    """The environment, as far as channels name it."""

    variables: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def read(self, variable: str) -> str:
        """Return what a variable holds; the empty text for no variable.

        Raises:
            UndeliveredError: It is not set, or holds a line break.
        """
        if not variable:
            return ""
        value = self.variables.get(variable, "").strip()
        if not value:
            raise UndeliveredError(f"the environment variable {variable} is not set")
        if re.search(r"[\x00-\x1f\x7f]", value):
            raise UndeliveredError(f"the environment variable {variable} holds a control character")
        return value

    def address(self, variable: str) -> str:
        """Return the address that a variable holds.

        Raises:
            UndeliveredError: It is not set, or not an http(s) address.
        """
        value = self.read(variable)
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise UndeliveredError(
                f"the environment variable {variable} must hold an address with http:// or "
                f"https://, and does not"
            )
        return value

    def redact(self, text: str, *variables: str) -> str:
        """Return text without what the variables hold, or parts of an address that they hold."""
        values = [self.variables.get(name, "").strip() for name in variables if name]
        parts = {part for value in values for part in (value, *_parts(value))}
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= SHORTEST:
                text = text.replace(part, "***")
        return " ".join(text.split())[:300]


def _parts(value: str) -> list[str]:
    """Return what of an address may be its secret: path, query and user."""
    if "://" not in value:
        return []
    try:
        parts = urlsplit(value)
    except ValueError:
        return []
    segments = [part for part in parts.path.split("/") if len(part) >= SHORTEST_SEGMENT]
    whole = [parts.path.strip("/"), parts.query, parts.username or "", parts.password or ""]
    return [*whole, *segments]
