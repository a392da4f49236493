"""HF2, images and packages: what a step runs must be the same tomorrow."""

import re
from collections.abc import Iterator
from itertools import pairwise

from holdfast.lint.pipeline import Pipeline, Step
from holdfast.lint.rule import Place, rule

# A branch, a stage or a build, by the words that registries and CI systems use for them.
MOVING = frozenset(
    {"main", "master", "trunk", "develop", "dev", "devel", "nightly", "edge", "head", "tip"}
    | {"stable", "staging", "stage", "prod", "production", "canary", "snapshot", "current"}
    | {"beta", "alpha", "rc", "test", "testing", "release", "newest"}
)
INSTALL = re.compile(
    r"\b(?:pip3?(?:\.\d+)?\s+install|uv\s+(?:pip\s+install|add|sync)|(?:conda|mamba)\s+install"
    r"|apt(?:-get)?\s+(?:-\w+\s+)*install|apk\s+add|(?:micro)?dnf\s+install|yum\s+install"
    r"|npm\s+(?:install|ci))\b"
)
# The line of kfp that mends an image without pip; it is no installation of the step's own.
MENDS_PIP = re.compile(r"if ! \[ -x \"\$\(command -v pip\)\" \]; then.*?\bfi\b", re.DOTALL)
PINNED = re.compile(r"===?|@\s|\.whl$|/")
PACKAGE = re.compile(r"'([A-Za-z0-9][\w.\-\[\],]*[^']*)'")


@rule(
    "HF201",
    "packages-at-start",
    "warning",
    why="Packages are installed each time the step starts: seconds to minutes, a package index as "
    "a dependency of every run, and other versions tomorrow where none is given. Found by the "
    "shell scripts of the command, so a program that installs by itself is not seen.",
    remedy="Build an image with the packages, and use @dsl.component(base_image=..., "
    "install_kfp_package=False) without packages_to_install.",
)
def packages_at_start(pipeline: Pipeline) -> Iterator[Place]:
    """Find steps that install packages before they begin."""
    for step in pipeline.steps:
        for path, script in scripts(step):
            code = MENDS_PIP.sub("", _without_comments(script))
            if INSTALL.search(code):
                yield Place(f"{step.name} installs {_packages(code)} at every start", path)
                break


def scripts(step: Step) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the shell scripts of a step: what follows -c, or the command itself."""
    words = step.words
    for (_, before), (path, word) in pairwise(words):
        if re.fullmatch(r"-[a-z]*c", before) and not word.startswith("-"):
            yield path, word
    yield step.path, " ".join(word for _, word in words[:3] if "\n" not in word)


def _without_comments(script: str) -> str:
    return "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))


def _packages(code: str) -> str:
    names = [name for name in PACKAGE.findall(code) if not name.startswith("typing-extensions")]
    loose = [name for name in names if not PINNED.search(name)]
    named = ", ".join(re.split(r"[\s;@]", name)[0] for name in names[:5]) or "packages"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    without = f" ({', '.join(loose[:5])} in any version)" if loose else ""
    return f"{named}{more}{without}"


@rule(
    "HF202",
    "image-without-version",
    "warning",
    why="An image without a tag, or with `latest`, is another one tomorrow: runs cannot be "
    "repeated, and KFP's cache does not see the change, since the name stays.",
    remedy="Name a version as the tag, or better the digest (@sha256:...).",
)
def image_without_version(pipeline: Pipeline) -> Iterator[Place]:
    """Find images that name no version."""
    for step in pipeline.steps:
        image, tag = _image_and_tag(step)
        path = (*step.path, "image")
        if not image:
            yield Place(f"{step.name} has no image", path, severity="error")
        elif tag in ("", "latest"):
            what = "the tag `latest`" if tag else "no tag"
            yield Place(f"{step.name} runs `{image}` with {what}", path)


@rule(
    "HF203",
    "moving-tag",
    "note",
    why="A tag such as `main` or `stable` is moved to new images. Known by the word alone: a tag "
    "with a version in it is taken to stay, which no registry promises.",
    remedy="Name a version as the tag, or better the digest (@sha256:...).",
)
def moving_tag(pipeline: Pipeline) -> Iterator[Place]:
    """Find tags that are named as branches or stages are."""
    for step in pipeline.steps:
        image, tag = _image_and_tag(step)
        if tag.lower() in MOVING:
            yield Place(f"{step.name} runs `{image}:{tag}`", (*step.path, "image"))


def _image_and_tag(step: Step) -> tuple[str, str]:
    """Return the image's name and tag; a tag of one blank where it is no concern."""
    image = str(step.container.get("image") or "")
    if not image or "@" in image or "{{" in image:
        return image, " "
    name, colon, tag = image.rpartition(":")
    # The colon of a port comes before a slash.
    return (name, tag) if colon and "/" not in tag else (image, "")
