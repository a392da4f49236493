"""What licence a distribution is under, and whether it may be in an image.

Runs in the environment of requirements.txt. Expressions are SPDX's; their grammar and identifiers
are license-expression's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import yaml
from license_expression import AND, OR, ExpressionError, get_spdx_licensing
from packaging.utils import canonicalize_name

SPDX = get_spdx_licensing()
OURS = "holdfast"
POLICY = Path(__file__).with_name("policy.yaml")


@dataclass(frozen=True)
class Policy:
    """What is allowed, and what names and silence in metadata mean; see policy.yaml."""

    allowed: frozenset[str]
    names: dict[str, str]
    read: dict[str, str]

    def licence(self, distribution: Distribution) -> str:
        """Return the licence as an SPDX expression; empty where nothing tells it.

        In order: what was read in the distribution, its License-Expression (PEP 639), its field
        License, its classifiers.
        """
        metadata: Any = distribution.metadata
        known = self.read.get(canonicalize_name(metadata["Name"]))
        told = known or metadata.get("License-Expression")
        if told:
            return str(told)
        classifiers = [
            text.split(" :: ")[-1]
            for text in metadata.get_all("Classifier", [])
            if text.startswith("License :: ")
        ]
        field = (metadata.get("License") or "").strip()
        for names in ([field], classifiers):
            found = {self._expression(name) for name in names}
            if found and "" not in found:
                return " AND ".join(sorted(found))
        return ""

    def allows(self, expression: str) -> bool:
        """Tell whether a licence may be chosen under which everything is allowed."""
        try:
            return bool(expression) and self._holds(SPDX.parse(expression, validate=True))
        except ExpressionError:
            return False

    def _expression(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        try:
            parsed = SPDX.parse(name, validate=True)
        except ExpressionError:
            # Often the whole text of the licence.
            return ""
        return "" if parsed is None else str(parsed)

    def _holds(self, term: Any) -> bool:
        if isinstance(term, AND):
            return all(map(self._holds, term.args))
        if isinstance(term, OR):
            return any(map(self._holds, term.args))
        return str(term.key) in self.allowed


def policy(path: Path = POLICY) -> Policy:
    """Read the policy."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Policy(frozenset(document["allowed"]), document["names"], document["read"])


def installed(python: Path) -> dict[str, Distribution]:
    """Return the distributions of an environment by name, without our own."""
    packages = next(python.parents[1].glob("lib/python3.*/site-packages"))
    named = {
        canonicalize_name(found.metadata["Name"]): found
        for found in distributions(path=[str(packages)])
    }
    return {name: named[name] for name in sorted(named) if name != OURS}


def refused(policy: Policy, distributions: Iterable[Distribution]) -> list[str]:
    """Return a line for each distribution whose licence is not allowed, or not told."""
    lines = []
    for distribution in distributions:
        licence = policy.licence(distribution)
        if not policy.allows(licence):
            name = f"{canonicalize_name(distribution.metadata['Name'])} {distribution.version}"
            lines.append(f"{name}: {licence or 'its metadata tells no licence'}")
    return sorted(lines)
