"""What has changed between two compiled files, and whether it breaks."""

import copy
import json
import re
import shutil
import subprocess

import pytest
import yaml
from kfp import compiler, dsl

from holdfast import __version__, ir
from holdfast.cli import main
from holdfast.diff.changes import is_new_major, next_major
from holdfast.diff.compare import compare, compare_paths, version_of
from tests.support import ROOT

COMPILED = sorted((ROOT / "compiled").glob("*/*.yaml"))
IMAGE = "localhost/holdfast-data:0.1.0"


def component(**options):
    return dsl.component(base_image=IMAGE, install_kfp_package=False, **options)


@component()
def step(
    table: dsl.Input[dsl.Dataset], out: dsl.Output[dsl.Dataset], share: float = 0.5, name: str = "a"
) -> str:
    """Do something.

    Args:
        table: A table. Needs: {target: true}
        share: A share.
        name: A name.

    Returns:
        out: Another table. Gives: {like: table, adds: [row]}
        Output: A word.
    """
    return name + str(share)


@dsl.pipeline(name="line")
def line(count: int, table: dsl.Input[dsl.Dataset], name: str = "a") -> str:
    """Do it twice."""
    first = step(table=table, name=name)
    return step(table=first.outputs["out"], share=0.25).outputs["Output"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Compile the component and the pipeline above."""
    folder = tmp_path_factory.mktemp("compiled")
    for function in (step, line):
        compiler.Compiler().compile(function, str(folder / f"{function.name}.yaml"))
    return folder


@pytest.fixture
def changed(folder, tmp_path):
    """Compare a file with what a function makes of its documents."""

    def compare_with(change, name="step"):
        old = ir.read(folder / f"{name}.yaml")
        documents = list(yaml.safe_load_all(old.text))
        change(*documents)
        path = tmp_path / "new.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        return [(c.level, c.subject, c.text) for c in compare(old, ir.read(path))]

    return compare_with


def definitions(document, side="inputDefinitions", kind="parameters"):
    """Yield the definitions of a component file: the file's own, and the component's."""
    yield document["root"][side][kind]
    for found in document["components"].values():
        yield found[side][kind]


def levels(changes):
    return [change[0] for change in changes]


class TestInputs:
    def test_a_removed_input_breaks(self, changed):
        def change(document):
            for found in definitions(document):
                del found["share"]

        assert changed(change) == [("breaking", "input share", "removed")]

    def test_a_renamed_input_breaks_and_its_new_name_is_told(self, changed):
        def change(document):
            for found in definitions(document):
                found["part"] = found.pop("share")

        assert changed(change) == [
            ("breaking", "input share", "renamed to 'part'"),
            ("compatible", "input part", "new, float, optional, 0.5 by default"),
        ]

    def test_another_type_breaks(self, changed):
        def change(document):
            for found in definitions(document):
                found["name"] = {**found["name"], "parameterType": "LIST", "defaultValue": []}

        assert changed(change)[0] == (
            "breaking", "input name", "type changed from str to list",
        )  # fmt: skip

    def test_an_optional_input_that_is_required_now_breaks(self, changed):
        def change(document):
            for found in definitions(document):
                found["name"] = {"parameterType": "STRING", "description": "A name."}

        assert changed(change) == [("breaking", "input name", "was optional and is required now")]

    def test_a_required_input_that_is_optional_now_is_compatible(self, changed):
        def change(document):
            for found in definitions(document, kind="artifacts"):
                found["table"]["isOptional"] = True

        assert changed(change) == [
            ("compatible", "input table", "was required and is optional now")
        ]

    def test_a_new_required_input_breaks_and_an_optional_one_does_not(self, changed):
        def change(document):
            for found in definitions(document):
                found["must"] = {"parameterType": "NUMBER_INTEGER"}
                found["may"] = {
                    "parameterType": "NUMBER_INTEGER", "isOptional": True, "defaultValue": 3.0,
                }  # fmt: skip

        assert changed(change) == [
            ("breaking", "input must", "new, int, and required"),
            ("compatible", "input may", "new, int, optional, 3 by default"),
        ]

    def test_another_default_is_compatible_and_changes_behaviour(self, changed):
        def change(document):
            for found in definitions(document):
                found["share"]["defaultValue"] = 1.0

        assert changed(change) == [
            ("compatible", "input share",
             "changes behaviour: the default was 0.5 and is 1 now"),
        ]  # fmt: skip

    def test_another_artifact_breaks_and_any_artifact_does_not(self, changed):
        def to(title):
            def change(document):
                for found in definitions(document, kind="artifacts"):
                    found["table"]["artifactType"]["schemaTitle"] = title

            return changed(change)

        told = "type changed from system.Dataset to"
        assert to("system.Model") == [("breaking", "input table", f"{told} system.Model")]
        assert to("system.Artifact") == [("compatible", "input table", f"{told} system.Artifact")]

    def test_another_schema_of_an_artifact_breaks(self, changed):
        def change(document):
            for found in definitions(document, kind="artifacts"):
                found["table"]["artifactType"]["schemaVersion"] = "0.0.2"

        assert changed(change) == [
            ("breaking", "input table", "artifact schema changed from 0.0.1 to 0.0.2")
        ]


class TestOutputs:
    @pytest.mark.parametrize(("kind", "name"), [("parameters", "Output"), ("artifacts", "out")])
    def test_a_removed_output_breaks(self, changed, kind, name):
        def change(document):
            for found in definitions(document, "outputDefinitions", kind):
                del found[name]

        assert changed(change) == [("breaking", f"output {name}", "removed")]

    def test_another_type_breaks(self, changed):
        def change(document):
            for found in definitions(document, "outputDefinitions"):
                found["Output"]["parameterType"] = "NUMBER_DOUBLE"

        assert changed(change) == [("breaking", "output Output", "type changed from str to float")]

    def test_a_new_output_is_compatible(self, changed):
        def change(document):
            for found in definitions(document, "outputDefinitions"):
                found["rows"] = {"parameterType": "NUMBER_INTEGER"}

        assert changed(change) == [("compatible", "output rows", "new, int")]


class TestContracts:
    @pytest.mark.parametrize(
        ("kind", "name", "old", "new", "expected"),
        [
            ("input", "table", "{target: true}", "{target: true, task: regression}",
             ("breaking", "the table contract needs task regression now")),
            ("input", "table", "Needs: {target: true}", "",
             ("compatible", "the table contract no longer needs target true")),
            ("input", "table", "{target: true}", "{target: true, columns: [$name, age]}",
             ("breaking", "the table contract needs columns $name and columns age now")),
            ("output", "out", "{like: table, adds: [row]}", "{like: table}",
             ("breaking", "the table contract no longer gives adds row")),
            ("output", "out", "adds: [row]", "adds: [row, fold]",
             ("compatible", "the table contract gives adds fold now")),
            # The order of columns is of no meaning.
            ("output", "out", "{like: table, adds: [row]}", "{adds: [row], like: table}", None),
        ],
    )  # fmt: skip
    def test_an_input_may_not_need_more_nor_an_output_give_less(
        self, changed, kind, name, old, new, expected
    ):
        def change(document):
            for found in definitions(document, f"{kind}Definitions", "artifacts"):
                text = found[name]["description"]
                assert old in text
                found[name]["description"] = text.replace(old, new)

        found = changed(change)
        if expected is None:
            assert levels(found) == ["cosmetic"]
        else:
            assert found == [(expected[0], f"{kind} {name}", expected[1])]

    def test_writing_down_the_first_contract_breaks_nothing(self, folder, tmp_path):
        without = tmp_path / "old.yaml"
        text = (folder / "step.yaml").read_text()
        without.write_text(text.replace("Needs: {target: true}", ""))
        found = compare(ir.read(without), ir.read(folder / "step.yaml"))
        assert [(change.level, change.text) for change in found if "input" in change.subject] == [
            ("compatible", "a table contract is declared: target true")
        ]


class TestInside:
    def test_another_name_breaks(self, changed):
        def change(document):
            document["pipelineInfo"]["name"] = "steps"

        assert changed(change) == [("breaking", "name", "renamed from 'step' to 'steps'")]

    def test_another_image_is_compatible_and_told_once(self, changed):
        def change(document):
            for executor in document["deploymentSpec"]["executors"].values():
                executor["container"]["image"] = IMAGE.replace("0.1.0", "0.2.0")

        assert changed(change, "line") == [
            ("compatible", "2 steps", "image tag changed from 0.1.0 to 0.2.0: step and step-2")
        ]

    def test_another_registry_is_told_as_such(self, changed):
        def change(document):
            for executor in document["deploymentSpec"]["executors"].values():
                executor["container"]["image"] = IMAGE.replace("localhost", "ghcr.io/us")

        assert changed(change) == [
            ("compatible", "step step", "image comes from ghcr.io/us/, not localhost/")
        ]

    def test_what_a_source_does_is_told_from_what_it_says(self, changed):
        def replaced(old, new):
            def change(document):
                (executor,) = document["deploymentSpec"]["executors"].values()
                words = executor["container"]["command"]
                assert any(old in word for word in words)
                executor["container"]["command"] = [word.replace(old, new) for word in words]

            return changed(change)

        assert replaced("return name + str(share)", "return name") == [
            ("compatible", "step step", "another source")
        ]
        assert replaced("Do something.", "Do a thing.") == [
            ("cosmetic", "step step", "another docstring or other comments")
        ]
        assert replaced("return name", "# Why.\n    return name") == [
            ("cosmetic", "step step", "another docstring or other comments")
        ]
        assert replaced("sh", "bash")[0] == ("compatible", "step step", "another command")

    def test_new_and_removed_steps_are_compatible(self, folder, tmp_path):
        @dsl.pipeline(name="line")
        def longer(count: int, table: dsl.Input[dsl.Dataset], name: str = "a") -> str:
            """Do it twice."""
            first = step(table=table, name=name)
            second = step(table=first.outputs["out"], share=0.25)
            with dsl.If(count > 3):
                step(table=second.outputs["out"])
            return second.outputs["Output"]

        path = tmp_path / "line.yaml"
        compiler.Compiler().compile(longer, str(path))
        old, new = ir.read(folder / "line.yaml"), ir.read(path)
        found = [(c.level, c.subject, c.text) for c in compare(old, new)]
        # What is inside of a new step is new with it.
        assert found == [("compatible", "step condition-1", "new")]
        assert [(c.level, c.text) for c in compare(new, old)] == [
            ("compatible", "changes behaviour: removed")
        ]

    @pytest.mark.parametrize(
        ("part", "value", "text"),
        [
            ("cachingOptions", {}, "changes behaviour: other caching"),
            ("retryPolicy", {"maxRetryCount": 2}, "another retry policy"),
            ("triggerPolicy", {"condition": "true"}, "changes behaviour: another condition"),
            ("dependentTasks", [], "waits for other steps"),
        ],
    )
    def test_how_a_step_is_run_is_told(self, changed, part, value, text):
        def change(document):
            document["root"]["dag"]["tasks"]["step-2"][part] = value

        assert changed(change, "line") == [("compatible", "step step-2", text)]

    def test_another_value_of_a_step_changes_behaviour(self, changed):
        def change(document):
            inputs = document["root"]["dag"]["tasks"]["step-2"]["inputs"]["parameters"]
            inputs["share"]["runtimeValue"]["constant"] = 0.75

        assert changed(change, "line") == [
            ("compatible", "step step-2", "changes behaviour: other inputs")
        ]

    def test_an_output_that_another_step_makes_changes_behaviour(self, changed):
        def change(document):
            outputs = document["root"]["dag"]["outputs"]["parameters"]
            outputs["Output"]["valueFromParameter"]["producerSubtask"] = "step"

        assert changed(change, "line") == [
            ("compatible", "output Output", "changes behaviour: another step makes it")
        ]

    def test_what_is_set_on_the_platform_is_told(self):
        path = ROOT / "compiled" / "pipelines" / "training.yaml"
        old = ir.read(path)
        platform = copy.deepcopy(dict(old.platform))
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        name = sorted(executors)[0]
        executors[name] = {"imagePullPolicy": "Always"}
        new = ir.Compiled(old.pipeline, platform, old.text + "\n")
        (change,) = compare(old, new)
        assert change.level == "compatible"
        assert change.subject == f"step {name.removeprefix('exec-')}"
        assert "platform settings" in change.text

    def test_another_sdk_is_compatible(self, changed):
        def change(document):
            document["sdkVersion"] = "kfp-9.0.0"

        ((level, subject, text),) = changed(change)
        assert (level, subject) == ("compatible", "compiled by")
        assert text.endswith("to kfp-9.0.0")


class TestCosmetic:
    def test_other_words_are_cosmetic(self, changed):
        def change(document):
            for found in definitions(document):
                found["name"]["description"] = "The name of it."

        assert changed(change) == [("cosmetic", "input name", "described in other words")]

    def test_order_and_comments_are_cosmetic(self, folder, changed, tmp_path):
        assert changed(lambda document: None) == [("cosmetic", "file", "comments, order or spaces")]
        path = tmp_path / "commented.yaml"
        text = (folder / "step.yaml").read_text()
        path.write_text("# Look at me.\n" + text)
        (change,) = compare(ir.read(folder / "step.yaml"), ir.read(path))
        assert change.level == "cosmetic"


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
class TestEveryFile:
    def test_nothing_has_changed_from_itself(self, path):
        compiled = ir.read(path)
        assert compare(compiled, compiled) == ()
        again = ir.Compiled(compiled.pipeline, compiled.platform, compiled.text + "# \n")
        assert [change.level for change in compare(compiled, again)] == ["cosmetic"]

    def test_what_one_way_adds_the_other_removes(self, path):
        compiled = ir.read(path)
        for side, word in (("inputDefinitions", "input"), ("outputDefinitions", "output")):
            for kind in ("parameters", "artifacts"):
                # A few of each: a pipeline has up to fifty.
                for name in sorted(compiled.pipeline["root"].get(side, {}).get(kind, {}))[:4]:
                    root = copy.deepcopy(compiled.pipeline["root"])
                    del root[side][kind][name]
                    document = {**compiled.pipeline, "root": root}
                    other = ir.Compiled(document, compiled.platform, "")
                    assert breaks(compare(compiled, other), f"{word} {name}", "removed")
                    (back,) = [c for c in compare(other, compiled) if c.subject == f"{word} {name}"]
                    assert back.text.startswith("new, ")
                    entry = compiled.pipeline["root"][side][kind][name]
                    harmless = word == "output" or entry.get("isOptional", False)
                    assert back.level == ("compatible" if harmless else "breaking")


def breaks(changes, subject, text):
    return ("breaking", subject, text) in [(c.level, c.subject, c.text) for c in changes]


class TestVersions:
    @pytest.mark.parametrize(
        ("old", "new", "allowed"),
        [
            ("1.2.3", "2.0.0", True),
            ("1.2.3", "1.3.0", False),
            ("0.1.0", "0.2.0", True),
            ("0.1.0", "0.1.1", False),
            ("0.9.0", "1.0.0", True),
            ("1.0.0", "0.2.0", False),
            ("v1.0.0", "v2.0.0-rc1", True),
            ("0.1.0", "0.1.0", False),
            ("", "2.0.0", False),
            ("latest", "latest", False),
        ],
    )
    def test_below_one_a_minor_may_break(self, old, new, allowed):
        assert is_new_major(old, new) is allowed

    def test_the_next_version_that_may_break(self):
        assert next_major("0.1.4") == "0.2.0"
        assert next_major("v1.4.2") == "2.0.0"
        assert next_major("latest") == ""

    def test_the_version_is_the_tag_of_our_images(self, folder, tmp_path):
        assert version_of(ir.read(folder / "line.yaml")) == "0.1.0"
        text = (folder / "line.yaml").read_text()
        path = tmp_path / "other.yaml"
        path.write_text(text.replace(IMAGE, "python:3.11"))
        assert version_of(ir.read(path)) == ""
        path.write_text(text.replace(IMAGE, IMAGE.replace("0.1.0", "0.2.0"), 1))
        assert version_of(ir.read(path)) == ""


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["diff", *map(str, arguments)])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


class TestCommand:
    @pytest.fixture
    def two(self, folder, tmp_path):
        """Return two folders: in the second an input is gone, a file is new and another gone."""
        old, new = tmp_path / "old", tmp_path / "new"
        shutil.copytree(folder, old)
        shutil.copytree(folder, new)
        documents = yaml.safe_load((new / "step.yaml").read_text())
        for found in definitions(documents):
            del found["share"]
        (new / "step.yaml").write_text(yaml.safe_dump(documents))
        (new / "line.yaml").rename(new / "lines.yaml")
        return old, new

    def test_folders_tell_added_and_removed_files(self, two, capsys):
        code, out, _ = run(capsys, *two)
        assert code == 1
        assert re.search(r"line.yaml .*\n  ! breaking   file  removed", out)
        assert re.search(r"lines.yaml .*\n  \+ compatible file  new", out)
        assert "! breaking   input share  removed" in out
        assert "3 files compared, 3 changed: 2 breaking, 1 compatible, 0 cosmetic." in out
        assert "It breaks: 0.1.0 after 0.1.0 may not. The next version that may is 0.2.0." in out

    def test_a_new_major_may_break(self, two, capsys):
        code, out, _ = run(capsys, *two, "--new-version", "0.2.0")
        assert code == 0
        assert "the new version says so" in out
        assert run(capsys, *two, "--old-version", "1.0.0", "--new-version", "1.1.0")[0] == 1

    def test_what_is_compatible_exits_with_0(self, two, capsys):
        code, out, _ = run(capsys, two[0] / "line.yaml", two[1] / "lines.yaml")
        assert (code, out) == (0, "1 file compared: nothing has changed.\n")

    def test_json_is_one_document(self, two, capsys):
        code, out, _ = run(capsys, *two, "--format", "json")
        document = json.loads(out)
        assert code == 1
        assert document["allowed"] is False
        assert (document["breaking"], document["compatible"]) == (2, 1)
        (changes,) = [f["changes"] for f in document["files"] if f["file"] == "step.yaml"]
        assert changes == [{"level": "breaking", "subject": "input share", "text": "removed"}]

    def test_markdown_shows_names_as_they_are(self, folder, tmp_path, capsys):
        documents = yaml.safe_load((folder / "step.yaml").read_text())
        for found in definitions(documents):
            found["name"]["defaultValue"] = "<script>|`x`[a](b)"
        path = tmp_path / "new.yaml"
        path.write_text(yaml.safe_dump(documents))
        _, out, _ = run(capsys, folder / "step.yaml", path, "--format", "markdown")
        (row,) = [line for line in out.splitlines() if "input name" in line]
        assert "<script>" not in row
        assert r"&lt;script&gt;\|\`x\`\[a\](b)" in row

    def test_foreign_files_do_not_tell_their_version(self, folder, tmp_path, capsys):
        for name in ("old", "new"):
            documents = yaml.safe_load((folder / "step.yaml").read_text().replace(IMAGE, "py:1"))
            for found in definitions(documents) if name == "new" else ():
                del found["share"]
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(documents))
        code, out, _ = run(capsys, tmp_path / "old.yaml", tmp_path / "new.yaml")
        assert code == 1
        assert "give --old-version and --new-version" in out

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            ([], "Found: 0 paths"),
            (["compiled"], "Found: 1 paths"),
            (["compiled", "nowhere"], "nothing at nowhere"),
            (["compiled", "pyproject.toml"], "both files or both folders"),
            (["pyproject.toml", "pyproject.toml"], "compiled by kfp"),
            (["tests/lint", "tests/lint"], "must hold YAML files"),
            (["compiled", "compiled", "--new-version", "two"], "must be a version"),
            (["a", "b", "--since", "HEAD"], "one folder at most"),
            (["nowhere", "--since", "HEAD"], "none at nowhere"),
            (["--since", "no-such-revision"], "no-such-revision"),
            (["--since=--output=x"], "must be a revision of git"),
        ],
    )
    def test_a_wrong_call_exits_with_2(self, arguments, found, capsys, monkeypatch):
        monkeypatch.chdir(ROOT)
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert found in err

    def test_a_folder_is_compared_with_a_revision(self, two, tmp_path, capsys):
        old, new = two
        checkout = tmp_path / "checkout"
        shutil.copytree(old, checkout / "compiled" / "deep")

        def git(*arguments):
            subprocess.run(
                ["git", "-C", checkout, "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments],
                check=True, capture_output=True,
            )  # fmt: skip

        git("init", "--quiet")
        git("add", ".")
        git("commit", "--quiet", "--message", "first")
        git("tag", "v0.1.0")
        folder = checkout / "compiled"
        code, out, _ = run(capsys, folder, "--since", "v0.1.0")
        assert (code, out) == (0, "2 files compared: nothing has changed.\n")
        shutil.copy(new / "step.yaml", folder / "deep" / "step.yaml")
        code, out, _ = run(capsys, folder, "--since", "v0.1.0")
        assert code == 1
        assert "deep/step.yaml" in out


def test_the_catalog_has_not_changed_from_itself():
    found = compare_paths(ROOT / "compiled", ROOT / "compiled")
    assert len(found) == len(COMPILED)
    assert not any(file.changes for file in found)
    assert {file.old_version for file in found} == {__version__}


def test_a_file_with_nulls_and_other_spellings_is_read_all_the_same(folder, tmp_path):
    text = (folder / "step.yaml").read_text()
    path = tmp_path / "spelled.yaml"
    spelled = text.replace("inputDefinitions:", "input_definitions:")
    path.write_text(spelled.replace("schemaVersion: 2.1.0", "defaultPipelineRoot: null"))
    old, new = ir.read(folder / "step.yaml"), ir.read(path)
    assert [(c.level, c.subject) for c in compare(old, new)] == [("compatible", "pipeline schema")]
