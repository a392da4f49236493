"""Ask an advisory database about a lock.

    python -m supply_chain.audit [--service pypi|osv] [--osv-url URL] LOCK...

Runs in the environment of requirements.txt; the database is PyPI's, or OSV's, or a copy of OSV's.
Exits with 0 where nothing is known against any distribution, 1 where something is, and 3 where the
database could not be asked, about all of them or about some, and nothing is known of the others:
silence is no answer.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOUND, UNASKED = 1, 3
REMEDY = "Run it where the database can be reached, or choose another: make audit ARGS='-s osv'"


def main(arguments: list[str]) -> int:
    """Print what is known against each lock, and return the exit code."""
    parser = argparse.ArgumentParser("supply_chain audit")
    parser.add_argument("-s", "--service", choices=["pypi", "osv"], default="pypi")
    parser.add_argument("--osv-url", default="https://api.osv.dev/v1/query")
    parser.add_argument("lock", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    # One question first: a database that can't be reached is not asked some hundred times.
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(first(options.lock[0]))
        unreachable = report(probe, options)[1]
    if unreachable:
        print(f"nothing was audited: {unreachable}\n{REMEDY}", file=sys.stderr)
        return UNASKED
    codes = [told(lock, *report(lock, options)) for lock in options.lock]
    return FOUND if FOUND in codes else max(codes)


def first(lock: Path) -> str:
    """Return the first pin of a lock with its hashes."""
    pin = re.search(r"^[a-z0-9].*?(?=^[a-z0-9#]|\Z)", lock.read_text(), re.MULTILINE | re.DOTALL)
    if pin is None:
        raise SystemExit(f"{lock} pins nothing")
    return pin[0]


def report(lock: Path, options: argparse.Namespace) -> tuple[list[dict[str, Any]], str]:
    """Return what pip-audit knows of each distribution, or why it knows nothing."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip",
               "--vulnerability-service", options.service,
               "--osv-url", options.osv_url, "--format", "json",
               "--desc", "off", "--progress-spinner", "off"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        entries = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        # Its traceback ends in the cause.
        return [], (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    # It takes a distribution that the database does not know for one without a flaw.
    skipped = [entry["skip_reason"] for entry in entries if "skip_reason" in entry]
    return entries, skipped[0] if len(skipped) == len(entries) else ""


def told(lock: Path, entries: list[dict[str, Any]], unreachable: str) -> int:
    """Print what is known against the distributions of a lock, and return its exit code."""
    skipped = [entry["skip_reason"] for entry in entries if "skip_reason" in entry]
    for reason in [unreachable] if unreachable else skipped:
        print(f"{lock}: not audited: {reason}", file=sys.stderr)
    flaws = [(entry, flaw) for entry in entries for flaw in entry.get("vulns", ())]
    for entry, flaw in flaws:
        fixed = ", ".join(flaw["fix_versions"]) or "no version"
        print(f"{lock}: {entry['name']} {entry['version']}: {flaw['id']}, mended in {fixed}")
    print(f"{lock}: {len(entries) - len(skipped)} audited, {len(flaws)} known vulnerabilities")
    if flaws:
        return FOUND
    return UNASKED if unreachable or skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
