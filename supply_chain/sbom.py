"""A CycloneDX bill of materials of an environment that was made from a hashed lock.

    python -m supply_chain.sbom NAME PYTHON LOCK FILE

Runs in the environment of requirements.txt. cyclonedx-py reads distributions and what they depend
on; the lock adds the hashes that a file must have to be installed. Same lock, same bytes: there is
no time and no serial number in it. Without a lock (LOCK is -) there are no hashes.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from supply_chain import licences

HASHES = "one of them must be the hash of the file that is installed"


def main(name: str, python: str, lock: str, file: str) -> int:
    """Write the bill of materials, and return 1 if a licence is not allowed."""
    policy = licences.policy()
    installed = licences.installed(Path(python))
    locked = {} if lock == "-" else hashes(Path(lock))
    strange = set(installed) ^ set(locked) if locked else set()
    if strange:
        print(f"{name}: the environment is not what its lock says: {sorted(strange)}")
        return 1
    document = bill(name, python, installed, locked, policy)
    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    bad = licences.refused(policy, installed.values())
    for line in bad:
        print(f"{name}: {line} (allowed: supply_chain/policy.yaml)")
    return 1 if bad else 0


def hashes(lock: Path) -> dict[str, list[str]]:
    """Return the SHA-256 hashes that a lock allows, by distribution.

    Raises:
        ValueError: A line is no pin with hashes.
    """
    read = RequirementsFile.from_file(str(lock))
    loose = [r.line for r in read.requirements if not (r.is_pinned and r.hash_options)]
    if loose or read.invalid_lines:
        raise ValueError(f"{lock} must pin and hash everything. Found: {loose}")
    return {
        canonicalize_name(r.name): sorted(h.partition(":")[2] for h in r.hash_options)
        for r in read.requirements
    }


def bill(
    name: str,
    python: str,
    installed: Mapping[str, Distribution],
    locked: Mapping[str, list[str]],
    policy: licences.Policy,
) -> dict[str, Any]:
    """Return the document, which is valid CycloneDX 1.6."""
    tool = str(Path(sys.executable).with_name("cyclonedx-py"))
    command = [tool, "environment", "--no-validate", "--output-reproducible", "--short-PURLs"]
    done = subprocess.run([*command, python], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    document["metadata"]["component"] = {"type": "container", "name": name, "bom-ref": name}
    parts = [
        part for part in document["components"] if canonicalize_name(part["name"]) in installed
    ]
    for part in parts:
        known = canonicalize_name(part["name"])
        complete(part, policy.licence(installed[known]), locked.get(known, []))
    document["components"] = parts
    references = {part["bom-ref"] for part in parts}
    document["dependencies"] = [{"ref": name, "dependsOn": sorted(references)}] + [
        {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in references]}
        for entry in document["dependencies"]
        if entry["ref"] in references
    ]
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    if wrong:
        raise ValueError(f"the bill of materials is not CycloneDX 1.6: {wrong}")
    return document


def complete(part: dict[str, Any], licence: str, allowed: list[str]) -> None:
    """Put the licence that was concluded in the place of those declared, and add the hashes."""
    part.pop("licenses", None)
    if licence:
        part["licenses"] = [{"expression": licence, "acknowledgement": "concluded"}]
    if allowed:
        hashes = [{"alg": "SHA-256", "content": each} for each in allowed]
        part.setdefault("externalReferences", []).append(
            {"type": "distribution", "url": part["purl"], "comment": HASHES, "hashes": hashes}
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
