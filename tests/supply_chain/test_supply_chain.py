"""What the images are made of, and what is known against it."""

import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from holdfast.local import environments, files
from supply_chain import __main__ as supply_chain
from supply_chain import audit
from tests.support import ROOT

HASH = "sha256:" + "0" * 64
LOCK = f"""\
fine==1.0 \\
    --hash={HASH}
odd==1.0 \\
    --hash={HASH}
"""


@pytest.fixture(scope="module", autouse=True)
def tools():
    environments.make("supply-chain", supply_chain.LOCK, print)


def tool(module: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    python = environments.make("supply-chain", supply_chain.LOCK, print) / "bin" / "python"
    return subprocess.run(
        [python, "-m", f"supply_chain.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def made(tmp_path):
    """Return a function that makes an environment of distributions, and returns its Python."""

    def make(**told: str) -> Path:
        home = tmp_path / "environment"
        packages = home / "lib" / "python3.11" / "site-packages"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").symlink_to(Path(sys.executable).resolve())
        (home / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
        for name, line in told.items():
            folder = packages / f"{name}-1.0.dist-info"
            folder.mkdir(parents=True)
            (folder / "METADATA").write_text(
                f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{line}\n"
            )
        (tmp_path / "lock.txt").write_text(LOCK)
        return home / "bin" / "python"

    return make


def test_a_bill_has_each_pin_with_its_hashes_and_licence_and_the_same_bytes_again(tmp_path):
    lock = files.lock("data")
    python = environments.make("data", lock, print) / "bin" / "python"
    written = []
    for name in ("one", "two"):
        done = tool("sbom", "holdfast-data", python, lock, tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    document = json.loads(written[0])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert "serialNumber" not in document and "timestamp" not in document["metadata"]
    parts = {part["name"]: part for part in document["components"]}
    assert len(parts) == lock.read_text().count("==")
    arrow = parts["pyarrow"]
    assert arrow["licenses"] == [{"expression": "Apache-2.0", "acknowledgement": "concluded"}]
    hashes = [h["content"] for r in arrow["externalReferences"] for h in r.get("hashes", ())]
    assert hashes and all(f"sha256:{each}" in lock.read_text() for each in hashes)


def test_a_lock_with_a_licence_that_is_not_allowed_fails(made, tmp_path):
    python = made(fine="License-Expression: MIT", odd="License-Expression: GPL-3.0-only")
    done = tool("sbom", "image", python, tmp_path / "lock.txt", tmp_path / "bill.json")
    assert done.returncode == 1
    assert "odd 1.0: GPL-3.0-only" in done.stdout
    assert "fine" not in done.stdout


def test_what_metadata_says_in_its_ways_is_understood_and_silence_is_refused(made, tmp_path):
    python = made(
        chosen="License-Expression: GPL-3.0-only OR MIT",
        named="License: MIT License",
        classified="Classifier: License :: OSI Approved :: BSD License",
        both="License-Expression: MIT AND AGPL-3.0-or-later",
        bought="License: Business Source License 1.1",
        mute="Summary: nothing said",
    )
    page = tmp_path / "page.md"
    page.write_text("<!-- table: written by make sbom -->\n<!-- end of table -->\n")
    done = tool("licences_page", page, f"image={python}")
    assert done.returncode == 1
    refused = [line.split(" (")[0] for line in done.stdout.splitlines()]
    assert refused == [
        "both 1.0: MIT AND AGPL-3.0-or-later",
        "bought 1.0: its metadata tells no licence",
        "mute 1.0: its metadata tells no licence",
    ]
    assert "| chosen 1.0 | GPL-3.0-only OR MIT | image |" in page.read_text()
    assert "| classified 1.0 | BSD-3-Clause | image |" in page.read_text()


def test_an_environment_that_is_not_what_its_lock_says_is_refused(made, tmp_path):
    python = made(fine="License-Expression: MIT", other="License-Expression: MIT")
    done = tool("sbom", "image", python, tmp_path / "lock.txt", tmp_path / "bill.json")
    assert done.returncode == 1
    assert "['odd', 'other']" in done.stdout


def test_the_page_of_licences_is_fresh(tmp_path):
    page = tmp_path / "licences.md"
    shutil.copy(supply_chain.PAGE, page)
    assert supply_chain.licences(page) == 0
    assert page.read_text() == supply_chain.PAGE.read_text(), "run: make sbom"
    pinned = files.lock("drift").read_text()
    # The page says why; see there.
    assert (
        "alibi-detect==0.11.4" in pinned
        and "| alibi-detect 0.11.4 | Apache-2.0 |" in page.read_text()
    )


@pytest.fixture
def osv():
    """A server that speaks OSV's API, and knows something against odd before 1.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events = [{"introduced": "0"}, {"fixed": "1.1"}]
            flaw = {
                "id": "GHSA-0000", "summary": "odd", "published": "2026-01-01T00:00:00Z",
                "affected": [{"package": {"name": "odd", "ecosystem": "PyPI"}, "versions": ["1.0"],
                              "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
            }  # fmt: skip
            body = json.dumps({"vulns": [flaw]} if asked["package"]["name"] == "odd" else {})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def test_a_known_vulnerability_is_named_with_what_mends_it(osv, tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    found = tool("audit", "-s", "osv", "--osv-url", osv, lock)
    assert found.returncode == 1, found.stderr
    assert "odd 1.0: GHSA-0000, mended in 1.1" in found.stdout
    lock.write_text(LOCK[: LOCK.index("odd")])
    clean = tool("audit", "-s", "osv", "--osv-url", osv, lock)
    assert clean.returncode == 0, clean.stderr
    assert "1 audited, 0 known vulnerabilities" in clean.stdout


def test_a_database_that_cannot_be_reached_is_said_so_and_is_no_success(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    done = tool("audit", "-s", "osv", "--osv-url", "http://127.0.0.1:1/v1/query", lock)
    assert done.returncode == 3
    assert done.stderr.startswith("nothing was audited: ")
    assert "Traceback" not in done.stderr


def test_a_distribution_that_the_database_does_not_know_is_no_clean_one(capsys):
    skipped = {"name": "odd", "skip_reason": "not found on PyPI"}
    fine = {"name": "fine", "version": "1.0", "vulns": []}
    assert audit.told(Path("lock"), [fine], "") == 0
    assert audit.told(Path("lock"), [fine, skipped], "") == 3
    assert "not found on PyPI" in capsys.readouterr().err
