"""README.md, and what all pages have in common."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.docs.conftest import DOCS
from tests.docs.pages import blocks
from tests.services.kfp_server import KFP, kfp_server
from tests.support import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
# Whole runs are tests/runs': here names and types of parameters are looked at, and nothing is run.
SHORT = {
    "make run": "make --dry-run run",
    "make test": "make --dry-run test",
    "holdfast run": "holdfast submit --dry-run",
    # Nobody is there to agree.
    "--file schedules.yaml": "--file schedules.yaml --yes",
}
# These become a server, or need a cluster: docs/own-table.md and docs/cluster.md have them.
ELSEWHERE = re.compile(r"^\S*holdfast serve|^kubectl ", re.MULTILINE)
COMPILE = "\nfrom kfp import compiler\n\ncompiler.Compiler().compile(mine, 'mine.yaml')\n"


def test_the_readme_s_commands_and_its_dag_are_what_the_programs_know(shell):
    found = blocks(README)
    (dag,) = [block for block in found if block.kind == "python"]
    (shell.folder / "mine.py").write_text(dag.text + COMPILE)
    # The file that docs/monitoring.md makes.
    (schedules,) = [b for b in blocks(DOCS / "monitoring.md") if b.name == "schedules.yaml"]
    (shell.folder / "schedules.yaml").write_text(schedules.text)
    commands = [
        (f"README.md:{block.line}", block.text)
        for block in found
        if block.kind in ("", "bash")
        and re.match(r"make |\.venv/|holdfast ", block.text)
        and not ELSEWHERE.search(block.text)
    ]
    assert len(commands) >= 6
    state = shell.folder / ".readme.environment"
    with kfp_server() as kfp, ending(kfp):
        variables = {**shell.variables, "KFP_ENDPOINT": kfp.url}
        reader = replace(shell, variables=variables, stand_ins=SHORT)
        reader.run(".venv/bin/python mine.py", "README.md", state)
        for place, text in commands:
            reader.run(reader.with_stand_ins(text), place, state)
        assert [run.runtime_config.parameters["target"] for run in kfp.runs] == ["column"]
        assert len(kfp.objects["recurring_runs"]) == 2


@contextmanager
def ending(kfp: KFP) -> Iterator[None]:
    """Let every run of a server succeed soon."""
    over = threading.Event()

    def end() -> None:
        while not over.wait(0.2):
            for run in kfp.runs:
                run.state = "SUCCEEDED"

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)", text)
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_no_page_names_what_is_ours_alone(page):
    """Addresses are example.com's, this machine's or none."""
    hosts = set(re.findall(r"https?://([\w.-]+)", page.read_text()))
    assert {h for h in hosts if not h.endswith(".example.com")} <= {"127.0.0.1"}
