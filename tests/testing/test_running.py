"""Run components of any team with real files: what goes in, what comes out, what is told."""

import sys
from pathlib import Path

import pytest
from kfp import compiler, components, dsl

from holdfast.errors import InputError
from holdfast.images import image
from holdfast.testing.errors import ComponentError, OutputError
from holdfast.testing.running import RunComponent
from tests.testing import steps

TABLE = "a,bc\n1,2\n3,4\n"
MODES = ["process", "executor"]


@pytest.fixture
def run(tmp_path):
    """Run a component in a folder of the test."""
    return RunComponent(tmp_path / "runs")


@pytest.fixture
def table(tmp_path):
    """Return a table of two rows and two columns."""
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def compiled(component, folder):
    """Return the path of a component's YAML."""
    path = folder / "component.yaml"
    compiler.Compiler().compile(component, str(path))
    return path


@pytest.mark.parametrize("mode", MODES)
class TestInBothModes:
    def test_outputs_have_the_declared_types_and_names(self, run, table, mode):
        counted = run(steps.count, table=table, mode=mode)
        assert list(counted) == ["seen", "rows", "share", "names", "widths"]
        assert (counted.rows, counted["rows"], type(counted.rows)) == (2, 2, int)
        assert (counted.share, type(counted.share)) == (0.5, float)
        assert (counted.names, counted.widths) == (["a", "bc"], {"a": 1, "bc": 2})
        assert isinstance(counted.seen, dsl.Metrics)
        assert counted.seen.metadata == {"columns": 2}
        assert counted.seen.schema_title == "system.Metrics"
        with pytest.raises(AttributeError, match=r"count has \['seen', .*, not 'row'"):
            _ = counted.row

    def test_parameters_have_their_defaults_and_come_as_json_brings_them(self, run, mode):
        told = run(steps.tell, {"mode": "given"}, text="x", number=3, more=(1, 2), mode=mode)
        # 2.0 is 2 in JSON, and so it is on a cluster.
        assert told.Output == repr(("x", 3, 2, False, [1, 2], "given"))

    def test_none_is_the_same_as_left_out(self, run, table, mode):
        joined = run(steps.join, parts=[table], first=None, mode=mode).joined
        assert Path(joined.path).read_text() == TABLE
        with_first = run(steps.join, parts=[table], first=table, mode=mode).joined
        assert Path(with_first.path).read_text() == TABLE * 2

    def test_artifacts_of_one_run_are_given_to_the_next_with_their_metadata(self, run, table, mode):
        mine = dsl.Dataset(uri=str(table), metadata={"said": "mine"})
        first = run(steps.join, parts=[mine, table], mode=mode).joined
        assert first.metadata == {"said": ["mine", ""]}
        second = run(steps.join, parts=[first], mode=mode).joined
        assert second.metadata == {"said": [["mine", ""]]}
        assert second.path != first.path

    def test_folders_are_artifacts_too(self, run, tmp_path, mode):
        (tmp_path / "model" / "deep").mkdir(parents=True)
        (tmp_path / "model" / "deep" / "weights").write_text("1")
        done = run(steps.list_files, folder=tmp_path / "model", mode=mode)
        assert done.Output == ["weights"]
        assert Path(done.again.path, "deep", "weights").read_text() == "1"

    def test_annotations_of_paths_and_returned_artifacts_work(self, run, table, mode):
        copied = run(steps.old_style, source=table, mode=mode)
        assert (copied.size, Path(copied.copy.path).read_text()) == (len(TABLE), TABLE)
        model = run(steps.make_model, accuracy=0.75, mode=mode).Output
        assert isinstance(model, dsl.Model)
        assert model.metadata == {"accuracy": 0.75}
        assert Path(model.path).read_text() == "weights"

    def test_an_exit_handler_learns_that_all_went_well_or_what_it_is_told(self, run, mode):
        assert run(steps.report_end, mode=mode).Output == "task SUCCEEDED"
        ended = {"state": "FAILED", "pipelineJobResourceName": "r", "pipelineTaskName": "train"}
        assert run(steps.report_end, status=ended, mode=mode).Output == "train FAILED"

    def test_compiled_yaml_is_run_as_the_function_is(self, run, table, tmp_path, mode):
        path = compiled(steps.count, tmp_path)
        for component in (path, components.load_component_from_file(str(path))):
            counted = run(component, table=table, mode=mode)
            assert (counted.rows, counted.seen.metadata) == (2, {"columns": 2})

    def test_outputs_that_are_not_written_are_named(self, run, mode):
        with pytest.raises(OutputError, match=r"forget must write .*\['left', 'empty'\]"):
            run(steps.forget, mode=mode)
        told = run(steps.forget, mode=mode, unwritten=["left", "empty"])
        assert told.kept == "kept"

    @pytest.mark.parametrize(
        ("what", "said"),
        [
            ("none", r"metrics.metadata\['value'\] = None; on a cluster None fails the step"),
            ("nan", r"metrics.metadata\['value'\] = nan; .*breaks the JSON"),
            ("deep", r"'roc': \[1.0, inf\].*breaks the JSON"),
            ("returned", "Output = nan; .*breaks the JSON"),
        ],
    )
    def test_what_breaks_on_a_cluster_is_named(self, run, mode, what, said):
        with pytest.raises(OutputError, match=said):
            run(steps.measure, what=what, mode=mode)

    @pytest.mark.parametrize("text", ["3.5", "three", '"3"', "true"])
    def test_a_parameter_of_another_type_is_named(self, run, mode, text):
        with pytest.raises(OutputError, match="write-size must write Integer to `size`"):
            run(steps.write_size, text=text, mode=mode)

    def test_a_parameter_is_read_from_its_file_as_kfp_reads_it(self, run, mode):
        written = run(steps.write_size, text="3", mode=mode)
        assert (written.size, written.right) == (3, True)
        with pytest.raises(OutputError, match=r"Integer to `Output`\. Found: True"):
            run(steps.say_true, mode=mode)

    def test_an_input_that_was_changed_is_named(self, run, table, mode):
        with pytest.raises(OutputError, match=r"files of \['table'\] changed"):
            run(steps.spoil, table=table, mode=mode)


def test_the_executor_runs_in_an_empty_folder(run, monkeypatch, tmp_path):
    (tmp_path / "helper.py").write_text("WORD = 'helped'")
    monkeypatch.chdir(tmp_path)
    # So it would end on a cluster, where the folder is not.
    with pytest.raises(ComponentError, match="No module named 'helper'"):
        run(steps.use_helper, mode="executor")
    assert not (tmp_path / "left.txt").exists()
    assert len(list(run.folder.rglob("work/left.txt"))) == 1


def test_in_process_an_error_keeps_its_type_and_message(run):
    with pytest.raises(KeyError, match="this key"):
        run(steps.fail, how="this key")


def test_in_process_a_component_sees_what_is_patched_and_the_executor_sees_its_source(
    run, monkeypatch
):
    monkeypatch.setattr(steps, "OUTSIDE", "patched")
    assert run(steps.look_around).Output == "patched"
    # So it would end on a cluster, where the module is not.
    with pytest.raises(ComponentError, match="name 'OUTSIDE' is not defined"):
        run(steps.look_around, mode="executor")


def test_by_the_executor_an_error_tells_exit_code_and_stderr(run, capsys):
    with pytest.raises(
        ComponentError, match=r"fail must end with exit code 0\. Found: 1"
    ) as failed:
        run(steps.fail, how="this key", mode="executor")
    assert failed.value.exit_code == 1
    assert "KeyError: 'this key'" in failed.value.stderr
    assert failed.value.stderr in capsys.readouterr().err
    with pytest.raises(ComponentError) as killed:
        run(steps.fail, how="killed", mode="executor")
    assert killed.value.exit_code == -9


class TestInputsThatDoNotFit:
    """Each is told before anything runs: no folder of a run is made."""

    @pytest.fixture
    def refused(self, run):
        """Run a component that must not begin."""

        def refuse(said, component, *given, **named):
            with pytest.raises(InputError, match=said):
                run(component, *given, **named)
            assert not run.folder.exists()

        return refuse

    def test_missing_and_unknown_ones_are_named(self, refused, table):
        refused(r"count must be given \['table'\]", steps.count)
        refused(r"given \['table'\]", steps.count, table=None)
        refused(r"Found: \['tabel'\]. It takes \['table'\]", steps.count, tabel=table)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"number": "3"}, "`number` must be Integer. Found: '3', str"),
            ({"number": True}, "`number` must be Integer. Found: True, bool"),
            ({"number": 2.5}, "`number` must be Integer. Found: 2.5, float"),
            ({"factor": "much"}, "`factor` must be Float"),
            ({"loud": 1}, "`loud` must be Boolean"),
            ({"more": {1: 2}}, "`more` must be List"),
            ({"more": [object()]}, "`more` must be what JSON can hold"),
            ({"factor": float("nan")}, "`factor` must be what JSON can hold"),
            ({"text": 5}, "`text` must be String"),
        ],
    )
    def test_parameters_of_another_type(self, refused, given, said):
        refused(said, steps.tell, **{"text": "x", "number": 1, **given})

    def test_artifacts_of_another_kind(self, refused, table, tmp_path):
        model = dsl.Model(uri=str(table))
        refused("must be a system.Dataset. Found: a system.Model", steps.count, table=model)
        refused("must be a pathlib.Path, a data frame", steps.count, table=str(table))
        refused("must be a list of artifacts. Found: PosixPath", steps.join, parts=table)
        refused("must be one artifact. Found: list", steps.count, table=[table])
        refused("a folder that is there. Found: none at", steps.count, table=tmp_path / "none")

    def test_one_that_is_given_twice_or_is_called_as_ours(self, refused):
        refused(r"\['text'\] twice", steps.tell, {"text": "x"}, text="x", number=1)
        refused(r"an input called `mode`, too", steps.tell, text="x", number=1, mode="process")
        refused("an input called `unwritten`, too", steps.use_helper, unwritten="x")

    def test_a_mode_that_is_none_or_does_not_fit(self, refused, table):
        refused("`mode` must be process, executor or env", steps.count, table=table, mode="docker")
        given = {"table": table, "more": [table]}
        refused("join-and-count is a pipeline", steps.join_and_count, given, mode="process")

    def test_what_is_no_component(self, refused):
        refused("Found: function. Decorate", lambda: None)


def test_an_environment_is_for_images_of_ours(run, table):
    with pytest.raises(InputError, match=r"in our images\. Found: python:3\.11-slim"):
        run(steps.count, table=table, mode="environment")


def test_a_string_may_be_given_as_a_path(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = run(steps.tell, text=Path("here"), number=1).Output
    assert repr(str(tmp_path / "here")) in told


def test_a_containers_command_is_run_as_it_is(run, table):
    copied = run(steps.copy, source=table, word="end")
    assert Path(copied.target.path).read_text() == TABLE + "the end\n"
    assert copied.size == len(TABLE) + 8
    with pytest.raises(InputError, match="no 'no-such-program-here'"):
        run(steps.unknown_program)


OLD = """
name: Sort lines
inputs:
- {name: table, type: Dataset}
- {name: options, type: String, default: -r}
outputs:
- {name: sorted, type: Dataset}
- {name: lines, type: Integer}
implementation:
  container:
    image: alpine:3.22
    command: [sh, -ec, 'sort "$3" "$0" > "$1"; wc -l < "$1" > "$2"']
    args: [{inputPath: table}, {outputPath: sorted}, {outputPath: lines}, {inputValue: options}]
"""


def test_yaml_of_kfps_first_version_runs_too(run, table):
    done = run(components.load_component_from_text(OLD), table=table)
    assert Path(done.sorted.path).read_text() == "a,bc\n3,4\n1,2\n"
    assert done.lines == 3


class TestPipelines:
    """kfp.local refuses artifacts as inputs of a pipeline (kubeflow/pipelines#12555)."""

    def test_they_take_artifacts_and_give_typed_outputs(self, run, table):
        mine = dsl.Dataset(uri=str(table), metadata={"said": "mine"})
        done = run(steps.join_and_count, table=table, more=[mine, table])
        assert (done.rows, type(done.rows)) == (2, int)
        assert isinstance(done.joined, dsl.Dataset)
        assert done.joined.metadata == {"said": ["mine", ""]}
        assert Path(done.joined.path).read_text() == TABLE * 2

    def test_they_take_optional_artifacts_and_parameters(self, run, table, tmp_path):
        (tmp_path / "head").write_text("a,bc\n0,0\n")
        given = {"table": table, "more": [table], "extra": tmp_path / "head"}
        done = run(steps.join_and_count, given, again=True)
        assert Path(done.joined.path).read_text() == "a,bc\n0,0\n" + TABLE

    def test_what_a_step_says_when_it_fails_is_told(self, run, table):
        with pytest.raises(ComponentError, match=r"(?s)failing must end .*KeyError: 'this key'"):
            run(steps.failing, table=table)

    def test_compiled_ones_run_as_well(self, run, table, tmp_path):
        path = compiled(steps.join_and_count, tmp_path)
        assert run(path, table=table, more=[table]).rows == 2


def test_a_component_gets_objects_of_its_own(run):
    given = [1, 2]

    @dsl.component(base_image=steps.IMAGE)
    def grow(numbers: list) -> int:
        """Change an argument."""
        numbers.append(3)
        return len(numbers)

    assert run(grow, numbers=given).Output == 3
    assert given == [1, 2]


def test_components_of_ours_run_in_process_where_their_libraries_are(run):
    @dsl.component(base_image=image("data"), install_kfp_package=False)
    def version() -> str:
        """Return ours."""
        import holdfast

        return holdfast.__version__

    assert run(version).Output == sys.modules["holdfast"].__version__
