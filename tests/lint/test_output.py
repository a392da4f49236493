"""The command: what it prints in each form, and how it ends."""

import json

import pytest

from holdfast.cli import main
from holdfast.lint.rules import RULES
from tests.lint import files
from tests.lint.files import write
from tests.support import Result, holdfast

SPOILT = files.PIPELINE.replace("team/load:1.2.0", "team/load")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a clean file, one with a warning, and one of something else."""
    write(tmp_path, files.PIPELINE, files.PLATFORM, name="clean.yaml")
    write(tmp_path, SPOILT, files.PLATFORM, name="spoilt.yaml")
    write(tmp_path, "apiVersion: v1\nkind: Secret\n", name="secret.yaml")
    return tmp_path


@pytest.fixture
def lint(folder, monkeypatch, capsys):
    """Return a function that calls the command in the folder."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["lint", *arguments])
        return Result(left.value.code, *capsys.readouterr())

    return call


def test_the_command_is_there_for_a_shell(folder):
    assert holdfast("lint", "clean.yaml", cwd=folder).stdout == "1 file: nothing found\n"


def test_the_text_reads_like_that_of_other_linters(lint):
    result = lint("clean.yaml", "spoilt.yaml")
    line = next(n for n, text in enumerate(SPOILT.splitlines(), 1) if "image: reg" in text)
    first, remedy, summary = result.stdout.splitlines()
    assert first == (
        f"spoilt.yaml:{line}: HF202 warning: `load` runs `registry.example.com/team/load` "
        f"with no tag"
    )
    assert remedy.startswith("    Name a version")
    assert summary == "2 files: 1 warning"


def test_a_clean_file_says_so(lint):
    result = lint("clean.yaml")
    assert (result.code, result.stdout) == (0, "1 file: nothing found\n")


@pytest.mark.parametrize(
    "arguments, code",
    [
        ([], 0),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "note"], 1),
        (["--fail-on", "never"], 2),
        (["none.yaml"], 2),
        (["--suppress", "none.yaml"], 2),
    ],
)
def test_the_exit_code_tells_the_worst(lint, arguments, code):
    assert lint("spoilt.yaml", *arguments).code == code


def test_an_error_is_1_by_default_and_no_file_is_2(lint, folder):
    write(folder, "a: [", name="broken.yaml")
    assert lint("broken.yaml").code == 1
    assert lint().code == 2


def test_a_folder_stands_for_the_compiled_files_in_it(lint, folder):
    (folder / "below").mkdir()
    write(folder / "below", files.PIPELINE, name="deep.yml")
    result = lint(".", "--format", "json")
    assert result.document["files"] == ["below/deep.yml", "clean.yaml", "spoilt.yaml"]
    assert result.document["summary"]["skipped"] == 1


def test_json_has_all_of_a_finding(lint):
    result = lint("spoilt.yaml", "--format", "json")
    (finding,) = result.document["findings"]
    assert finding["rule"] == "HF202"
    assert finding["name"] == "image-without-version"
    assert finding["severity"] == "warning"
    assert finding["path"] == ["deploymentSpec", "executors", "exec-load", "container", "image"]
    assert finding["suppressed"] is None


def test_the_same_files_give_the_same_bytes_in_any_order(lint, folder):
    write(folder, SPOILT, name="another.yaml")
    for form in ("text", "json", "sarif"):
        one = lint("spoilt.yaml", "another.yaml", "--format", form).stdout
        two = lint("another.yaml", "spoilt.yaml", "spoilt.yaml", "--format", form).stdout
        assert one == two


def test_suppressions_of_the_folder_are_taken_by_themselves(lint, folder):
    text = "suppressions:\n- {rule: HF202, reason: pinned by the mirror, task: load}\n"
    (folder / ".holdfast-lint.yaml").write_text(text)
    result = lint("spoilt.yaml", "--fail-on", "warning")
    assert (result.code, result.stdout) == (0, "1 file: nothing found, 1 suppressed\n")
    (finding,) = lint("spoilt.yaml", "--format", "json").document["findings"]
    assert finding["suppressed"] == "pinned by the mirror"


def test_a_report_is_written_to_a_file(lint, folder):
    result = lint("spoilt.yaml", "--format", "sarif", "--output", "report.sarif")
    assert result.stdout == ""
    assert json.loads((folder / "report.sarif").read_text())["version"] == "2.1.0"
    assert lint("spoilt.yaml", "--output", "none/report").code == 2


def test_names_cannot_command_the_terminal(lint, folder):
    text = files.PIPELINE.replace("name: clean", 'name: "clean\\e[31m"')
    write(folder, text, name="red.yaml")
    assert "\x1b" not in lint("red.yaml").stdout


def test_the_rules_are_listed_with_their_remedies(lint):
    result = lint("--rules")
    assert [line.split()[0] for line in result.stdout.splitlines() if line[:2] == "HF"] == [
        rule.id for rule in RULES
    ]
    listed = json.loads(lint("--rules", "--format", "json").stdout)
    assert all(rule["why"] and rule["remedy"] for rule in listed)


def test_rules_have_ids_of_their_own_in_order():
    ids = [rule.id for rule in RULES]
    assert sorted(set(ids)) == sorted(ids)
    groups = [rule.id[2] for rule in RULES]
    assert groups == sorted(groups)


# What the schema of SARIF 2.1.0 (errata 01) requires and allows of the objects that are written:
# no object there may have other properties. The schema itself is on no package index.
REQUIRED = {
    "log": {"version", "runs"},
    "run": {"tool"},
    "tool": {"driver"},
    "driver": {"name"},
    "rule": {"id"},
    "invocation": {"executionSuccessful"},
    "result": {"message"},
    "suppression": {"kind"},
    "message": {"text"},
}
ALLOWED = {
    "log": {"$schema", "version", "runs", "inlineExternalProperties", "properties"},
    "run": {"tool", "invocations", "columnKind", "results", "artifacts", "properties"},
    "tool": {"driver", "extensions", "properties"},
    "driver": {"name", "version", "semanticVersion", "rules", "informationUri", "properties"},
    "rule": {"id", "name", "shortDescription", "fullDescription", "help", "helpUri",
             "defaultConfiguration", "properties"},
    "invocation": {"executionSuccessful", "exitCode", "commandLine", "properties"},
    "result": {"ruleId", "ruleIndex", "level", "kind", "message", "locations", "suppressions",
               "partialFingerprints", "fingerprints", "properties"},
    "location": {"physicalLocation", "logicalLocations", "message", "id", "properties"},
    "physicalLocation": {"artifactLocation", "region", "contextRegion", "properties"},
    "artifactLocation": {"uri", "uriBaseId", "index", "properties"},
    "region": {"startLine", "startColumn", "endLine", "endColumn", "snippet", "properties"},
    "logicalLocation": {"name", "fullyQualifiedName", "kind", "index", "properties"},
    "suppression": {"kind", "status", "justification", "location", "guid", "properties"},
    "configuration": {"enabled", "level", "rank", "parameters", "properties"},
    "message": {"text", "markdown", "id", "arguments", "properties"},
}  # fmt: skip


def is_a(kind, value):
    """Assert that an object is as the schema has its kind."""
    assert REQUIRED.get(kind, set()) <= set(value) <= ALLOWED[kind], (kind, value)
    return value


def is_sarif(document):
    """Assert what SARIF's schema says, and what its prose says of indexes."""
    is_a("log", document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    driver = is_a("driver", is_a("tool", is_a("run", run)["tool"])["driver"])
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for invocation in run["invocations"]:
        assert is_a("invocation", invocation)["executionSuccessful"] is True
    for rule in driver["rules"]:
        is_a("rule", rule)
        for text in ("shortDescription", "fullDescription", "help"):
            is_a("message", rule[text])
        level = is_a("configuration", rule["defaultConfiguration"])["level"]
        assert level in ("none", "note", "warning", "error")
    for result in run["results"]:
        is_a("result", result)
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert is_a("message", result["message"])["text"]
        assert all(isinstance(v, str) for v in result["partialFingerprints"].values())
        for location in result["locations"]:
            place = is_a("physicalLocation", is_a("location", location)["physicalLocation"])
            assert " " not in is_a("artifactLocation", place["artifactLocation"])["uri"]
            assert is_a("region", place["region"])["startLine"] >= 1
            for logical in location.get("logicalLocations", []):
                is_a("logicalLocation", logical)
        for suppression in result.get("suppressions", []):
            assert is_a("suppression", suppression)["kind"] in ("inSource", "external")
            assert suppression["status"] in ("accepted", "underReview", "rejected")
    return run["results"]


def test_sarif_is_as_its_schema_has_it(lint, folder):
    write(folder, SPOILT, name="with space.yaml")
    comment = "# holdfast: ignore-file HF202 because it is known\n"
    write(folder, comment + SPOILT, name="commented.yaml")
    write(folder, "a: [", name="broken.yaml")
    (folder / "s.yaml").write_text("suppressions: [{rule: HF202, reason: r, file: spoilt.yaml}]")
    names = ["spoilt.yaml", "with space.yaml", "commented.yaml", "broken.yaml"]
    result = lint(*names, "--suppress", "s.yaml", "--format", "sarif")
    found = {
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: r
        for r in is_sarif(result.document)
    }
    external = {"kind": "external", "status": "accepted", "justification": "r"}
    assert found["spoilt.yaml"]["suppressions"] == [external]
    assert found["commented.yaml"]["suppressions"][0]["kind"] == "inSource"
    assert "suppressions" not in found["with%20space.yaml"]
    assert found["broken.yaml"]["ruleId"] == "HF101"
    assert result.code == 1


def test_a_finding_keeps_its_fingerprint_when_lines_move(lint, folder):
    def fingerprint(text):
        write(folder, text, name="moved.yaml")
        (found,) = is_sarif(lint("moved.yaml", "--format", "sarif").document)
        return found["partialFingerprints"]

    assert fingerprint(SPOILT) == fingerprint("# one line more\n" + SPOILT)
