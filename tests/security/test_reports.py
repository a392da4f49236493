"""The pages and texts of whole runs on a table whose every name and value is hostile.

What each page shows is looked at by a parser of HTML, and each text by one of CommonMark: nothing
that came from data runs, loads, leads elsewhere or breaks a table, and it is shown all the same.
"""

from pathlib import Path

import pytest

from tests.security import evil
from tests.support import ROOT, Result, holdfast, tasks

EXPECTATIONS = "rules: [{rule: row_count, min: 100000, policy: warn}]"
RULES = """
channels: {hook: {kind: webhook, url_env: HOOK_URL}}
rules: [{name: drifted, severity: warning, when: {verdict: drift, decision: [fail]},
         message: "$name $reasons", channels: [hook]}]
"""
POLICY = "verdicts: {drift: [fail]}\ncooldown: 7d"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, list[Result]]:
    """Train on the table, and watch the predictions; return the output folder and both results."""
    folder = tmp_path_factory.mktemp("evil")
    output, table = folder / "output", evil.write_table(folder)
    trained = holdfast(
        "run", "training", "--json", "--output", output, "-p", f"uri={table}",
        "-p", f"target={evil.TARGET}", "-p", "model_name=evil", "-p", "n_estimators=5",
        "-p", f"intended_use={evil.SCRIPT} {evil.LINK}", "-p", "minimum=0.1",
    )  # fmt: skip
    assert trained.code == 0, trained.stderr[-3000:]
    predictions = tasks(trained)["batch-predict"]["outputs"]["predictions"]["uri"]
    watched = holdfast(
        "run", "monitoring", "--json", "--output", output, "-p", f"uri={predictions}/",
        "-p", "model_name=evil", "-p", "version=1", "-p", "time_column=day",
        "-p", "window_start=P1D", "-p", "window_end=2026-11-21",
        "-p", f"expectations={EXPECTATIONS}", "-p", f"alert_rules={RULES}",
        "-p", f"retraining_policy={POLICY}", HOOK_URL="http://127.0.0.1:9/",
    )  # fmt: skip
    assert watched.code == 0, watched.stderr[-3000:]
    return output, [trained, watched]


def reports(output: Path, suffix: str) -> dict[str, str]:
    found = {
        f"{file.parent.parent.name.partition('-')[0]} {file.name}": file.read_text("utf-8")
        for file in output.glob(f"runs/*/reports/*{suffix}")
    }
    assert len(found) > 12
    return found


def test_nothing_from_data_runs_or_loads_in_a_page(runs):
    pages = {name: evil.Page(text) for name, text in reports(runs[0], ".html").items()}
    assert {name: page.harm for name, page in pages.items() if page.harm} == {}


def test_the_one_script_of_a_page_is_ours(runs):
    ours = (ROOT / "components/holdfast/validation/profile_page.py").read_text()
    for name, text in reports(runs[0], ".html").items():
        for script in evil.Page(text).scripts:
            assert "profile-table" in name
            assert f'"""<script>{script}</script>"""' in ours


def test_hostile_names_are_shown_as_they_are(runs):
    shown = {
        name for name, text in reports(runs[0], ".html").items()
        if "alert(" in "".join(evil.Page(text).text)
    }  # fmt: skip
    steps = {name.split()[1].rpartition("-")[0] for name in shown}
    assert {"validate-table", "profile-table", "evaluate-model", "explain-model",
            "write-model-card"} <= steps  # fmt: skip


def test_nothing_from_data_is_markdown(runs):
    texts = reports(runs[0], ".md")
    harm = {name: evil.markdown_harm(text) for name, text in texts.items()}
    assert {name: found for name, found in harm.items() if found} == {}


def test_no_value_breaks_a_table_of_markdown(runs):
    assert [
        n for n, text in reports(runs[0], ".md").items() if not evil.tables_are_even(text)
    ] == []


def test_an_error_shows_hostile_names_as_text_on_one_line(tmp_path):
    table = evil.write_table(tmp_path)
    result = holdfast(
        "run", "training", "--output", tmp_path / "output", "-p", f"uri={table}",
        "-p", f"target={evil.CELL}\x1b[31m",
    )  # fmt: skip
    assert result.code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("holdfast: ingest-table: `target` must be a column"), last
    assert "\x1b" not in result.stderr


def test_what_looks_for_harm_finds_it():
    page = evil.Page(
        f"<p>{evil.SCRIPT}{evil.IMAGE}</p><b onclick=x()>b</b><a href='http://x'>x</a>"
    )
    assert page.scripts == ["alert(1)"]
    assert page.harm == [
        "<img>",
        "src=x",
        "onerror=alert(2)",
        "onclick=x()",
        "<a>",
        "href=http://x",
    ]
    assert len(evil.markdown_harm(f"a {evil.IMAGE} [x](y) ![i](u) <http://x>\n\n<b>\n")) == 5
    assert not evil.tables_are_even("| a | b |\n| --- | --- |\n| 1 | 2 |\n\n| x |\n\n| --- |\n")
