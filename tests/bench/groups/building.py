"""What is built: the time that compiling takes, and the sizes of images and environments.

Compiling is told as a multiple of `import kfp`, of which it mostly consists. Images are told as
multiples of their base; `union` is what all of them take on one machine, shared layers counted once
(a layer is known by its content's hash, and its size from the image's history). Environments are
told beside those of the whole libraries whose parts ours carry.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from holdfast.errors import MachineError
from holdfast.images import FAMILIES, image
from tests.bench import peers
from tests.bench.frame import WALL, WORK, Case, Comparison, Group, Size
from tests.bench.processes import Found, module, run

SIZE = "size MB"
BASE = "python:3.11-slim-bookworm"
# A layer of no files, such as that of WORKDIR: the hash of an empty tar file.
EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
ENVIRONMENTS = (
    ("validation", "tfdv", "tensorflow-data-validation"),
    ("drift", "alibi", "alibi-detect"),
)


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return all."""
    pairs = [
        Comparison(f"{ours}-environment", f"the environment of {ours}, and that of all of {peer}",
                   partial(pair, ours, peer, distribution), (SIZE,))
        for ours, peer, distribution in ENVIRONMENTS
    ]  # fmt: skip
    compiled = Comparison("compile", "compiling everything", compiling, (WALL, WORK), scale=True)
    return [compiled, Comparison("images", "sizes of images", images, (SIZE,), scale=True), *pairs]


def compiling(_folder: Path) -> list[Case]:
    """Return kfp's import, and compiling."""
    program, authoring = "tests.bench.work.compiling", peers.AUTHORING
    bare = partial(run, [sys.executable, "-c", "import kfp"])
    return [
        Case("kfp", "python -c 'import kfp'", bare, authoring, "kfp"),
        *(
            Case(kind, f"Compiler().compile(...) of all {kind}",
                 partial(module, Path(sys.executable), program, kind), authoring)
            for kind in ("pipelines", "components")
        ),
    ]  # fmt: skip


def images(_folder: Path) -> list[Case]:
    """Return the base, each family's image, and their union."""
    every = [image(family) for family in FAMILIES]
    return [
        Case("base", f"docker image inspect {BASE}", partial(sized, [BASE]), peers.DOCKER,
             "docker"),
        *(
            Case(family, f"docker image inspect holdfast-{family}", partial(sized, [image(family)]),
                 peers.DOCKER)
            for family in FAMILIES
        ),
        Case("union", "the layers of all images, each once", partial(sized, every), peers.DOCKER),
    ]  # fmt: skip


def sized(names: Sequence[str]) -> Found:
    """Return the size of some images together, in MB of 1,000,000 bytes, as Docker counts."""
    layers = dict(pair for name in names for pair in layers_of(name))
    return Found({SIZE: sum(layers.values()) / 1e6})


def layers_of(name: str) -> Iterator[tuple[str, int]]:
    """Yield hash and size of each layer that holds files, from the lowest on.

    Raises:
        MachineError: There is no engine or no such image, or its history is not that of its layers.
    """
    found = json.loads(docker("image", "inspect", name))[0]["RootFS"]["Layers"]
    hashes = [each for each in found if each != EMPTY]
    history = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}", name)
    sizes = [int(line) for line in reversed(history.split()) if int(line)]
    if len(hashes) != len(sizes):
        raise MachineError(f"{name} must have a size for each of {len(hashes)} layers.")
    yield from zip(hashes, sizes, strict=True)


def docker(*words: str) -> str:
    """Return what the engine says."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True)
    if done.returncode:
        raise MachineError(f"docker {words[0]} must succeed. Found: {done.stderr.strip()[-200:]}")
    return done.stdout


def pair(ours: str, peer: str, distribution: str, _folder: Path) -> list[Case]:
    """Return two environments."""
    return [
        Case(ours, f"the files of images/{ours}/requirements.txt", partial(files_of, ours), ours),
        Case("whole", f"the files of {distribution} with all it asks for", partial(files_of, peer),
             peer, distribution),
    ]  # fmt: skip


def files_of(environment: str) -> Found:
    """Return the size of an environment's packages."""
    folder = peers.python(environment).parents[1]
    packages = next(folder.glob("lib/python3.*/site-packages"))
    return Found({SIZE: sum(_sizes(packages)) / 1e6})


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            # Another row's Python may write its bytecode meanwhile.
            with contextlib.suppress(FileNotFoundError):
                yield os.lstat(os.path.join(place, name)).st_size


GROUP = Group("building", __doc__, comparisons)
