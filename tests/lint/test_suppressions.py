"""What was looked at and accepted is not reported, and says why."""

from datetime import date
from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.lint import engine
from holdfast.lint.suppressions import read_suppressions
from tests.lint import files
from tests.lint.files import write

TODAY = date(2026, 11, 21)
IMAGE = "image: registry.example.com/team/load"
# One finding: HF202 at the image of load.
SPOILT = files.PIPELINE.replace(IMAGE + ":1.2.0", IMAGE)


def kept(folder: Path, *entries: str) -> list:
    path = folder / "suppressions.yaml"
    path.write_text("suppressions:\n" + "".join(f"- {{{entry}}}\n" for entry in entries))
    return [read_suppressions(path)]


def rules(folder: Path, text: str, *entries: str) -> tuple[list[str], list[str]]:
    """Return what is reported, and the reasons of what is not."""
    file = write(folder, text, files.PLATFORM)
    report = engine.lint([file], kept(folder, *entries), TODAY)
    reasons = [r.accepted for r in report.results if r.accepted]
    return [r.finding.rule for r in report.open], reasons


def test_a_suppression_takes_a_finding_out_and_keeps_its_reason(tmp_path):
    assert rules(tmp_path, SPOILT) == (["HF202"], [])
    assert rules(tmp_path, SPOILT, "rule: HF202, reason: a pull-through cache pins it") == (
        [], ["a pull-through cache pins it"])  # fmt: skip


@pytest.mark.parametrize(
    "narrowed",
    [
        "file: pipeline.yaml",
        "file: '*.yaml'",
        "task: load",
        "path: deploymentSpec.executors.exec-load",
        "expires: 2026-11-21",
    ],
)
def test_a_suppression_may_be_narrowed(tmp_path, narrowed):
    entry = f"rule: HF202, reason: known, {narrowed}"
    assert rules(tmp_path, SPOILT, entry) == ([], ["known"])


@pytest.mark.parametrize("elsewhere", ["task: train", "path: root", "rule: HF203"])
def test_a_suppression_of_something_else_is_unused(tmp_path, elsewhere):
    entry = f"reason: known, {elsewhere}" + ", rule: HF202" * ("rule" not in elsewhere)
    assert rules(tmp_path, SPOILT, entry) == (["HF202", "HF901"], [])


def test_a_suppression_for_files_that_were_not_looked_at_is_not_called_unused(tmp_path):
    entry = "rule: HF202, reason: known, file: other/*.yaml"
    assert rules(tmp_path, SPOILT, entry) == (["HF202"], [])


def test_an_unused_suppression_is_a_note_at_its_own_line(tmp_path):
    file = write(tmp_path, files.PIPELINE, files.PLATFORM)
    entries = ["rule: HF202, reason: known", "rule: HF203, reason: known"]
    report = engine.lint([file], kept(tmp_path, *entries), TODAY)
    found = [(Path(r.file).name, r.line, r.finding.rule, r.finding.severity) for r in report.open]
    assert found == [
        ("suppressions.yaml", 2, "HF901", "note"),
        ("suppressions.yaml", 3, "HF901", "note"),
    ]


def test_a_suppression_that_is_over_suppresses_nothing(tmp_path):
    entry = "rule: HF202, reason: known, expires: 2026-11-20"
    assert rules(tmp_path, SPOILT, entry) == (["HF202", "HF902"], [])


@pytest.mark.parametrize(
    "text",
    [
        "suppressions: [{rule: HF202}]",
        "suppressions: [{rule: HF202, reason: ''}]",
        "suppressions: [{rule: HF202, reason: '  '}]",
        "suppressions: [{rule: all, reason: x}]",
        "suppressions: [{rule: HF202, reason: x, until: 2026-01-01}]",
        "suppressions: {rule: HF202}",
        "suppressions: [",
    ],
)
def test_a_suppression_without_a_reason_is_refused(tmp_path, text):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="reason"):
        read_suppressions(path)


def test_a_file_of_suppressions_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match="--suppress"):
        read_suppressions(tmp_path / "none.yaml")


COMMENT = "# holdfast: ignore HF202 because it is pinned elsewhere"


def commented(*, above: str = "", behind: str = "") -> str:
    line = next(line for line in SPOILT.splitlines() if IMAGE in line)
    return SPOILT.replace(line, f"{above}{line}{behind}")


@pytest.mark.parametrize(
    "text",
    [
        commented(behind=f"  {COMMENT}"),
        commented(above=f"        {COMMENT}\n"),
        SPOILT.replace("    exec-load:\n", f"    exec-load:  {COMMENT}\n"),
        SPOILT.replace("    exec-load:\n", f"    {COMMENT}\n\n    exec-load:\n"),
        COMMENT.replace("ignore", "ignore-file") + "\n" + SPOILT,
        commented(behind=f"  {COMMENT.replace('HF202', 'HF201, HF202')}"),
    ],
)
def test_a_comment_suppresses_what_is_in_its_line_or_block(tmp_path, text):
    assert rules(tmp_path, text) == ([], ["it is pinned elsewhere"])


def test_a_comment_elsewhere_suppresses_nothing_and_is_unused(tmp_path):
    text = SPOILT.replace("    exec-train:\n", f"    exec-train:  {COMMENT}\n")
    assert rules(tmp_path, text) == (["HF202", "HF901"], [])


def test_a_comment_without_a_reason_suppresses_nothing(tmp_path):
    for words in ("ignore HF202", "ignore HF202 because", "ignore because I say so", "ignore"):
        text = commented(behind=f"  # holdfast: {words}")
        assert sorted(rules(tmp_path, text)[0]) == ["HF202", "HF903"]


def test_what_looks_like_a_comment_in_code_is_code(tmp_path):
    code = (
        "command:\n        - sh\n        - 'x\n\n          # holdfast: ignore-file HF202 because x'"
    )
    text = SPOILT.replace("command: [python3, -m, load]", code)
    assert rules(tmp_path, text) == (["HF202"], [])
