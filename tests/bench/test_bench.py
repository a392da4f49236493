"""The frame of the benchmarks: what is measured stays, what fails says why, what is written."""

import json
import re
import subprocess
import sys
import threading

import pytest

from holdfast.errors import MachineError
from holdfast.images import FAMILIES
from tests.bench import __main__ as bench
from tests.bench import peers, processes, results, table
from tests.bench.frame import Case, Comparison, Group, Size, ids
from tests.bench.processes import Found
from tests.support import ROOT


def case(name, *values, **more):
    """Return a case whose runs take these seconds, one after the other, and then fail."""
    left = list(values)

    def measure():
        if not left:
            raise MachineError("nothing is left")
        return Found({"wall s": left.pop(0), "peak MB": 10.0}, {"found": name})

    # Whoever is not ours has a distribution.
    other = {} if name == "ours" else {"environment": peers.AUTHORING, "distribution": "pytest"}
    return Case(name, f"{name}(a | b)", measure, **{**other, **more})


def compared(*cases, repeats=3, quick=False, **more):
    """Measure cases without warming up, and return the rows of the table."""
    comparison = Comparison("one", "a title", lambda _: cases, warm=False, **more)
    found = results.measure(Group("group", "", ()), comparison, Size(quick, repeats), ROOT)
    return table.table([found])


def rows(*cases, **more):
    """Return the rows by the names of their cases."""
    found = compared(*cases, **more)["comparisons"][0]["rows"]
    return {row["id"].rpartition("/")[2]: row for row in found}


def test_a_ratio_is_of_two_runs_of_the_same_turn():
    found = rows(case("ours", 1, 2, 4), case("theirs", 3, 6, 12))
    assert found["theirs"]["ratios"]["wall s"] == {"median": 3, "low": 3, "high": 3}
    assert found["theirs"]["ours is"] == "ahead: wall; level: peak"


def test_a_difference_within_the_spread_is_called_level():
    found = rows(case("ours", 1, 1, 1), case("theirs", 0.9, 1.2, 1.3))
    assert found["theirs"]["ours is"].startswith("level: wall")


def test_who_takes_less_leaves_ours_behind():
    found = rows(case("ours", 2, 2, 2), case("theirs", 1, 1, 1))
    assert found["theirs"]["ours is"].startswith("behind: wall")


def test_another_way_of_ours_is_not_said_to_be_ahead_of_ours():
    found = rows(case("ours", 2, 2, 2), case("also", 1, 1, 1, distribution=""))
    assert found["also"]["ratios"]["wall s"]["median"] == 0.5
    assert found["also"]["ours is"] == ""


def test_one_run_says_nothing_of_who_is_ahead():
    found = rows(case("ours", 1), case("theirs", 3), repeats=1)
    assert found["theirs"]["ours is"] == "measured once: wall, peak"


def test_what_fails_says_why_and_the_others_are_measured():
    found = rows(case("ours", 1, 1, 1), case("fails", 1), case("theirs", 2, 2, 2))
    assert found["fails"]["missing"] == "nothing is left"
    assert found["fails"]["failed"]
    assert found["fails"]["ratios"] == {}
    assert found["theirs"]["runs"] == 3


def test_inputs_that_can_not_be_made_leave_every_row_with_the_reason():
    def prepare(_):
        raise MachineError("no table")

    found = rows(case("ours", 1), case("theirs", 1), prepare=prepare)
    assert {row["missing"] for row in found.values()} == {"no table"}


def test_quick_leaves_out_what_is_not_meant_for_it():
    found = rows(case("ours", 1), case("long", 1, quick=False), repeats=1, quick=True)
    assert found["long"]["missing"] == results.LEFT_OUT
    assert not found["long"]["failed"]


def test_quick_makes_no_heavy_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOLDFAST_ENVIRONMENTS", str(tmp_path))
    with pytest.raises(MachineError, match="QUICK does not make the zenml environment"):
        peers.require("zenml", quick=True)


def test_the_tables_rows_have_as_many_cells_as_its_head():
    found = compared(case("ours", 1, 2, 3), case("fails"), case("theirs", 1, 2, 3))
    lines = [x for x in table.markdown(found).splitlines() if x.startswith("|")]
    assert len(lines) == 5
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {len(table.HEAD) + 2}


def test_what_was_measured_is_not_measured_again_unless_that_is_asked(tmp_path):
    cases = [case("ours", 1, 2)]
    group = Group("group", "", ())
    comparison = Comparison("one", "a title", lambda _: cases, warm=False)
    first = results.keep(group, comparison, Size(repeats=1), tmp_path, again=False)
    same = results.keep(group, comparison, Size(repeats=1), tmp_path, again=False)
    assert same["rows"] == first["rows"]
    more = results.keep(group, comparison, Size(repeats=1), tmp_path, again=True)
    assert more["rows"][0]["runs"][0]["wall s"] == 2


def test_what_was_measured_otherwise_is_measured_anew(tmp_path):
    cases = [case("ours", 1, 2, 3)]
    group = Group("group", "", ())
    comparison = Comparison("one", "a title", lambda _: cases, warm=False)
    results.keep(group, comparison, Size(repeats=1), tmp_path, again=False)
    anew = results.keep(group, comparison, Size(repeats=2), tmp_path, again=False)
    assert [run["wall s"] for run in anew["rows"][0]["runs"]] == [2, 3]


def test_a_run_that_is_stopped_keeps_no_half_of_a_comparison(monkeypatch, tmp_path):
    def measure():
        processes.stop_all()
        return processes.run([sys.executable, "-c", "pass"])

    monkeypatch.setattr(processes, "_stopping", threading.Event())
    cases = [case("ours", 1), Case("theirs", "stopped", measure)]
    comparison = Comparison("one", "a title", lambda _: cases, warm=False)
    with pytest.raises(KeyboardInterrupt):
        results.keep(Group("group", "", ()), comparison, Size(repeats=1), tmp_path, again=False)
    assert list(tmp_path.iterdir()) == []


def test_a_program_says_its_work_and_more():
    code = 'import json; print("words"); print(json.dumps({"work s": 2, "found": {"a": 1}}))'
    found = processes.run([sys.executable, "-c", code])
    assert found.quantities["work s"] == 2
    assert set(found.quantities) == {"work s", "wall s", "CPU s", "peak MB"}
    assert found.said == {"found": {"a": 1}}


def test_a_program_that_fails_is_told_by_its_last_words():
    with pytest.raises(MachineError, match=r"ended with code 1.*ZeroDivisionError"):
        processes.run([sys.executable, "-c", "1 / 0"])


def test_a_program_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(processes, "_limit", [0.2])
    with pytest.raises(MachineError, match="took longer than"):
        processes.run([sys.executable, "-c", "import time; time.sleep(60)"])


def test_every_row_has_a_call_and_an_id_of_its_own():
    every = [
        f"{group.name}/{comparison.name}/{each.name}"
        for group in bench.groups()
        for comparison in group.comparisons(Size())
        for each in comparison.cases(ROOT)
        if each.call
    ]
    assert len(every) == len(set(every)) == len(ids(bench.selected((), Size())))
    assert all(re.fullmatch(r"[a-z0-9_-]+/[a-z0-9_-]+/[a-z0-9_-]+", each) for each in every)


def test_every_environment_of_a_row_is_a_family_or_has_a_lock():
    named = {
        each.environment
        for group in bench.groups()
        for comparison in group.comparisons(Size())
        for each in comparison.cases(ROOT)
    }
    others = named - {*FAMILIES, peers.AUTHORING, peers.DOCKER}
    assert others
    assert [name for name in others if not peers.lock(name).is_file()] == []


def test_a_pattern_names_a_group_a_comparison_or_a_row():
    def names(*patterns):
        return [f"{g.name}/{c.name}" for g, c in bench.selected(patterns, Size())]

    assert names("drift") == ["drift/200k", "drift/1m"]
    assert names("drift/1m") == names("drift/1m/nannyml") == ["drift/1m"]
    assert "statistics/20m" in names("*/*/duckdb")


def test_the_command_writes_the_table_as_markdown_and_json(tmp_path):
    # It binds its process to a few CPUs, so it has one of its own.
    options = ["--quick", "--rows", "building/images", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "tests.bench", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "bench.json").read_text())
    (found,) = document["comparisons"]
    assert found["rows"][0]["id"] == "building/images/base"
    assert (tmp_path / "bench.md").read_text() in done.stdout


def test_the_command_refuses_rows_that_are_not_there(tmp_path, capsys):
    assert bench.main(["--rows", "nothing/*", "--out", str(tmp_path)]) == 2
    assert "--list" in capsys.readouterr().err
