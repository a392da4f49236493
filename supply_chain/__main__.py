"""What the images are made of, for those who must answer for it: python -m supply_chain COMMAND.

`sbom [NAME...]` writes a CycloneDX bill of materials of each family's image, and of the environment
that authors work in, to dist/sbom/, and the table of docs/licences.md; it fails at a licence that
policy.yaml does not allow. `audit` asks an advisory database about every image's lock.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast import __version__
from holdfast.errors import MachineError
from holdfast.images import FAMILIES
from holdfast.local import environments, files

ROOT = Path(__file__).resolve().parents[1]
LOCK = Path(__file__).with_name("requirements.txt")
AUTHORING = "authoring"
PAGE = ROOT / "docs" / "licences.md"
OUTPUT = ROOT / "dist" / "sbom"


def main(arguments: Sequence[str]) -> int:
    """Run a command in the environment of requirements.txt."""
    commands = {"sbom": sbom, "audit": audit}
    if not arguments or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return commands[arguments[0]](arguments[1:])
    except MachineError as error:
        print(f"supply_chain: {error}", file=sys.stderr)
        return error.exit_code


def sbom(names: Sequence[str]) -> int:
    """Write the bills of materials and the page of licences."""
    codes = [_bill(name) for name in names or (*FAMILIES, AUTHORING)]
    return max(codes) if names else max(*codes, licences(PAGE))


def licences(page: Path) -> int:
    """Write the table of licences into a page."""
    pythons = [f"{family}={_python(family)}" for family in FAMILIES]
    return _tool("licences_page", [str(page), *pythons])


def audit(arguments: Sequence[str]) -> int:
    """Ask about every lock of the images, and our own tools'."""
    locks = [*(str(files.lock(family)) for family in FAMILIES), str(LOCK)]
    return _tool("audit", [*arguments, *locks])


def _bill(name: str) -> int:
    file = OUTPUT / f"{name}.cdx.json"
    if name == AUTHORING:
        # There is no lock: pyproject.toml pins what matters, and this is what came of it here.
        return _tool("sbom", [f"holdfast {__version__}", sys.executable, "-", str(file)])
    lock = str(files.lock(name))
    return _tool("sbom", [f"holdfast-{name}", _python(name), lock, str(file)])


def _python(family: str) -> str:
    return str(environments.make(family, files.lock(family), _announce) / "bin" / "python")


def _tool(module: str, arguments: Sequence[str]) -> int:
    python = environments.make("supply-chain", LOCK, _announce) / "bin" / "python"
    command = [str(python), "-m", f"supply_chain.{module}", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=variables, cwd=ROOT, check=False).returncode


def _announce(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
