"""Write the table of docs/licences.md from the environments.

    python -m supply_chain.licences_page PAGE NAME=PYTHON...

Runs in the environment of requirements.txt.
"""

import sys
from pathlib import Path

from supply_chain import licences

START = "<!-- table: written by make sbom -->"
END = "<!-- end of table -->"


def main(page: str, *environments: str) -> int:
    """Put the table in the place of the old one, and return 1 if a licence is not allowed."""
    pythons = {name: Path(python) for name, _, python in (e.partition("=") for e in environments)}
    path = Path(page)
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(START)
    policy = licences.policy()
    path.write_text(f"{head}{START}\n{table(pythons, policy)}{END}{rest.split(END)[1]}")
    installed = [licences.installed(python) for python in pythons.values()]
    bad = {line for found in installed for line in licences.refused(policy, found.values())}
    print("".join(f"{line} (allowed: {licences.POLICY.name})\n" for line in sorted(bad)), end="")
    return 1 if bad else 0


def table(pythons: dict[str, Path], policy: licences.Policy) -> str:
    """Return a line for each version of a distribution in an image: licence and images."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for image, python in sorted(pythons.items()):
        for name, distribution in licences.installed(python).items():
            key = (name, distribution.version, policy.licence(distribution) or "?")
            found.setdefault(key, []).append(image)
    lines = [
        f"| {name} {version} | {licence} | {', '.join(images)} |"
        for (name, version, licence), images in sorted(found.items())
    ]
    return "\n".join(["| distribution | licence | images |", "|---|---|---|", *lines, ""])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
