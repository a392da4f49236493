"""Families and the container images that carry them.

A family is one word that names a component folder, an image, a lock file, a local environment and
a test folder.
"""

import os
import re

from holdfast import __version__

FAMILIES = (
    "data",
    "validation",
    "training",
    "evaluation",
    "registry",
    "serving",
    "deployment",
    "drift",
    "monitoring",
)

# `localhost` is no one's registry: an image that was not built or pushed by you is never pulled.
DEFAULT_REGISTRY = "localhost"


def image(family: str) -> str:
    """Return the reference of a family's image.

    `HOLDFAST_REGISTRY` and `HOLDFAST_TAG` choose it when YAML is generated, never when a step runs.
    """
    registry = (os.environ.get("HOLDFAST_REGISTRY") or DEFAULT_REGISTRY).rstrip("/")
    tag = os.environ.get("HOLDFAST_TAG") or __version__
    return f"{registry}/holdfast-{family}:{tag}"


def family_of(reference: str) -> str | None:
    """Return the family that an image reference names, or None for an image that is not ours."""
    found = re.search(r"(?:^|/)holdfast-([a-z]+)(?:[:@]|$)", reference)
    return found[1] if found and found[1] in FAMILIES else None
