"""Contracts of another team's components, and how they are followed through a DAG."""

from typing import Dict, List, Optional  # noqa: UP035  # KFP reads the signature as source

import pytest
from kfp import compiler, dsl

from holdfast import ir
from holdfast.lint.table_contracts import check


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def make(
    table: dsl.Output[dsl.Dataset],
    target: str = "",
    task: str = "",
    columns: List[str] = [],  # noqa: B006, UP006
    types: Dict[str, str] = {},  # noqa: B006, UP006
):
    """Make a table.

    Args:
        target: The column to be predicted.

    Returns:
        table: Rows. Gives: {target: $target, task: $task, columns: $columns, types: $types}
    """


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def keep(
    table: dsl.Input[dsl.Dataset],
    kept: dsl.Output[dsl.Dataset],
    columns: List[str] = [],  # noqa: B006, UP006
):
    """Keep some columns.

    Args:
        table: Rows.

    Returns:
        kept: The same rows. Gives: {like: table, keeps: $columns, adds: [row]}
    """


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def learn(
    table: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
    by: Optional[str] = None,  # noqa: UP045
    metric: str = "",
):
    """Learn.

    Args:
        table: Rows to learn from. Needs: {target: true, task: $metric,
            columns: [age, {$by: time}]}

    Returns:
        model: A model. Gives: {target: $table, task: $table}
    """


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def tell() -> str:
    """Tell something."""
    return ""


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def judge(model: dsl.Input[dsl.Model], metric: str = ""):
    """Judge.

    Args:
        model: A model. Needs: {task: $metric}
    """


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def judge_all(models: dsl.Input[List[dsl.Model]], metric: str = ""):  # noqa: UP006
    """Judge several.

    Args:
        models: Models. Needs: {task: $metric}
    """


@pytest.fixture
def lint(tmp_path):
    def find(function):
        path = tmp_path / "pipeline.yaml"
        pipeline = function
        if not hasattr(function, "pipeline_spec"):
            pipeline = dsl.pipeline(name="mine")(function)
        compiler.Compiler().compile(pipeline, str(path))
        return check(ir.read(path))

    return find


def rules(found):
    return [(finding.rule, finding.severity) for finding in found]


def made(**options):
    return make(**options).outputs["table"]


class TestDag:
    def test_a_table_is_followed_into_and_out_of_nested_pipelines(self, lint):
        @dsl.pipeline
        def inner(rows: dsl.Input[dsl.Dataset], word: str) -> dsl.Model:
            return learn(table=rows, metric=word).outputs["model"]

        @dsl.pipeline
        def middle(rows: dsl.Input[dsl.Dataset], word: str) -> dsl.Model:
            return inner(rows=rows, word=word).output

        def pipeline():
            model = middle(rows=made(target="a", task="regression"), word="rmse").output
            judge(model=model, metric="accuracy")
            middle(rows=made(), word="")

        found = lint(pipeline)
        assert rules(found) == [("HF404", "error"), ("HF402", "error")]
        assert found[0].path[:4] == ("root", "dag", "tasks", "judge")
        assert found[1].path[:4] == ("components", "comp-inner-2", "dag", "tasks")

    def test_the_default_of_a_nested_pipeline_is_a_constant(self, lint):
        @dsl.pipeline
        def inner(rows: dsl.Input[dsl.Dataset], word: str = "r2"):
            learn(table=rows, metric=word)

        def pipeline():
            inner(rows=made(target="a", task="classification"))

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_each_item_of_a_constant_loop_is_looked_at(self, lint):
        def pipeline():
            table = made(target="a", task="regression")
            with dsl.ParallelFor(["rmse", "f1", "mae"]) as word:
                learn(table=table, metric=word)

        (finding,) = lint(pipeline)
        assert "is 'f1'" in finding.message

    def test_a_field_of_an_item_is_known(self, lint):
        def pipeline():
            table = made(target="a", task="regression")
            with dsl.ParallelFor([{"word": "rmse"}, {"word": "accuracy"}]) as item:
                learn(table=table, metric=item.word)

        (finding,) = lint(pipeline)
        assert "is 'accuracy'" in finding.message

    def test_items_that_a_run_gives_are_not_guessed(self, lint):
        def pipeline(words: List[str], more: List[str] = ["f1"]):  # noqa: B006, UP006
            table = made(target="a", task="regression")
            with dsl.ParallelFor(words) as word:
                learn(table=table, metric=word)
            with dsl.ParallelFor(more) as word:
                learn(table=table, metric=word)

        # The default is known, and may be replaced.
        assert rules(lint(pipeline)) == [("HF404", "warning")]

    def test_what_is_collected_is_what_each_round_made(self, lint):
        def pipeline():
            table = made(target="a", task="regression")
            with dsl.ParallelFor([1, 2]):
                model = learn(table=table).outputs["model"]
            judge_all(models=dsl.Collected(model), metric="f1")

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_text_with_a_parameter_in_it_is_filled_in(self, lint):
        def pipeline(end: str = "mse"):
            table = made(target="a", task="classification")
            learn(table=table, metric=f"r{end}")
            learn(table=table, metric=f"{tell().output}mse")

        assert rules(lint(pipeline)) == [("HF404", "warning")]

    def test_what_a_step_tells_is_not_guessed(self, lint):
        def pipeline():
            learn(table=made(target=tell().output), metric=tell().output)

        assert lint(pipeline) == []

    def test_an_imported_table_is_not_guessed(self, lint):
        def pipeline():
            imported = dsl.importer(artifact_uri="s3://a/b", artifact_class=dsl.Dataset)
            learn(table=imported.output)

        assert lint(pipeline) == []

    def test_an_artifact_of_the_pipeline_is_not_guessed(self, lint):
        def pipeline(rows: dsl.Input[dsl.Dataset]):
            learn(table=rows)

        assert lint(pipeline) == []


class TestConditions:
    def test_a_branch_that_the_default_leaves_out_is_read_without_it(self, lint):
        def pipeline(task: str = "regression"):
            table = made(target="a", task=task)
            with dsl.If(task == "classification"):
                learn(table=table, metric="f1")
            with dsl.Else():
                learn(table=table, metric="rmse")

        assert lint(pipeline) == []

    def test_constants_in_a_branch_that_the_default_leaves_out_are_looked_at(self, lint):
        def pipeline(task: str = "regression"):
            table = made(target="a", task=task)
            with dsl.If(task == "classification"):
                learn(table=table, metric="f1")
                learn(table=made(target=""), metric="f1")

        assert rules(lint(pipeline)) == [("HF402", "error")]

    def test_a_branch_that_the_default_takes_is_read_with_it(self, lint):
        def pipeline(task: str = "regression"):
            table = made(target="a", task=task)
            with dsl.If(task != "classification"):
                learn(table=table, metric="f1")

        assert rules(lint(pipeline)) == [("HF404", "warning")]

    def test_constants_that_cannot_fit_are_found_in_any_branch(self, lint):
        def pipeline(careful: bool, rows: int):
            table = made(target="a", task="regression")
            with dsl.If(careful == True), dsl.If(rows > 100):  # noqa: E712
                learn(table=table, metric="f1")

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_a_branch_that_never_runs_is_left_out(self, lint):
        @dsl.pipeline
        def inner(task: str, rows: dsl.Input[dsl.Dataset]):
            with dsl.If(task == "classification"):
                learn(table=rows, metric="f1")
            with dsl.Elif(task == "regression"):
                learn(table=rows, metric="rmse")

        def pipeline():
            inner(task="regression", rows=made(target="a", task="regression"))

        assert lint(pipeline) == []

    def test_branches_may_ask_an_unknown_table_for_different_things(self, lint):
        def pipeline(task: str):
            table = made(target="a", task=task)
            with dsl.If(task == "classification"):
                learn(table=table, metric="f1")
            with dsl.Else():
                learn(table=table, metric="rmse")

        assert lint(pipeline) == []

    def test_one_of_several_has_what_all_have(self, lint):
        def pipeline(old: bool):
            with dsl.If(old == True):  # noqa: E712
                first = make(target="a", task="regression")
            with dsl.Else():
                second = make(target="b", task="regression")
            either = dsl.OneOf(first.outputs["table"], second.outputs["table"])
            model = learn(table=either).outputs["model"]
            judge(model=model, metric="f1")

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_one_of_several_may_be_the_one_that_fits(self, lint):
        def pipeline(old: bool):
            with dsl.If(old == True):  # noqa: E712
                first = make(target="", task="regression")
            with dsl.Else():
                second = make(target="b", task="classification")
            either = dsl.OneOf(first.outputs["table"], second.outputs["table"])
            judge(model=learn(table=either).outputs["model"], metric="f1")

        assert lint(pipeline) == []


class TestColumns:
    def test_a_column_that_every_run_needs_is_kept(self, lint):
        def pipeline():
            table = made(target="a", columns=["a", "city", "day"], types={"day": "date32"})
            learn(table=table, by="day")

        (finding,) = lint(pipeline)
        assert finding.rule == "HF405"
        assert "the column 'age' of `table` (`learn` says so in its contract)" in finding.message

    def test_a_type_is_that_of_arrow_or_a_word(self, lint):
        def pipeline():
            learn(table=made(target="a", types={"day": "time"}), by="day")
            learn(table=made(target="a", types={"day": "timestamp[us, tz=UTC]"}), by="day")
            learn(table=made(target="a", types={"day": "int64"}), by="day")

        (finding,) = lint(pipeline)
        assert finding.rule == "HF406"
        assert "needs a time as the column 'day' of `table`" in finding.message
        assert "is a number" in finding.message

    def test_what_is_kept_are_the_named_columns_the_target_and_what_is_added(self, lint):
        def pipeline():
            some = keep(table=made(target="a"), columns=["age"]).outputs["kept"]
            for name in ("age", "row", "a", "day"):
                learn(table=some, by=name)

        (finding,) = lint(pipeline)
        assert "'day'" in finding.message

    def test_a_target_that_is_not_known_may_be_any_column(self, lint):
        def pipeline(target: str):
            some = keep(table=made(target=target), columns=["age"]).outputs["kept"]
            learn(table=some, by="day")

        assert lint(pipeline) == []

    def test_no_names_keep_all(self, lint):
        def pipeline(names: List[str]):  # noqa: UP006
            learn(table=keep(table=made(target="a")).outputs["kept"], by="day")
            learn(table=keep(table=made(target="a"), columns=names).outputs["kept"], by="day")

        assert lint(pipeline) == []

    def test_what_was_not_there_is_not_kept(self, lint):
        def pipeline(names: List[str]):  # noqa: UP006
            table = made(target="a", columns=["a", "age"])
            learn(table=keep(table=table, columns=names).outputs["kept"], by="day")

        assert rules(lint(pipeline)) == [("HF405", "error")]

    def test_a_letter_that_means_something_to_a_pattern_means_itself(self, lint):
        def pipeline():
            learn(table=made(target="a[1]", columns=["a[1]", "age", "x.y"]), by="x.y")
            learn(table=made(target="a[1]", columns=["a[1]", "age", "x.y"]), by="xzy")

        (finding,) = lint(pipeline)
        assert "'xzy'" in finding.message


def broken(description: str):
    """Return a component whose input is described like this."""

    @dsl.component(base_image="python:3.11", install_kfp_package=False)
    def take(table: dsl.Input[dsl.Dataset], by: str = ""):
        pass

    take.component_spec.inputs["table"].description = description
    return take


class TestGrammar:
    @pytest.mark.parametrize(
        ("description", "found"),
        [
            ("Rows. Needs: {targett: true}", "targett"),
            ("Rows. Needs: {target: true", "nothing may follow it"),
            ("Rows. Needs: {target: true} and more", "nothing may follow it"),
            ("Rows. Needs: {target: true} Needs: {task: regression}", "Found: several"),
            ("Rows. Gives: {target: true}", "an input has `Needs`"),
            ("Rows. Needs: {target: 5}", "target"),
            ("Rows. Needs: {target: true, target: a}", "a key is given twice"),
            ("Rows. Needs: {columns: [$age]}", "must stand for one of the inputs"),
            ("Rows. Needs: {columns: [$by.target]}", "must stand for one of the inputs"),
            ("Rows. Needs: {columns: {age: whole}}", "a type is one of"),
            ("Rows. Needs: {columns: [no]}", "columns"),
            ("Rows. Needs: {like: by}", "`like` must name an artifact"),
            ("Rows. Needs: {target: &a x, task: *a}", "aliases cannot be used"),
        ],
    )
    def test_a_mistake_in_a_contract_is_a_finding(self, lint, description, found):
        component = broken(description)

        def pipeline():
            component(table=made())
            component(table=made())

        (finding,) = lint(pipeline)
        assert (finding.rule, finding.severity) == ("HF401", "error")
        assert found in finding.message
        assert finding.path == (
            "components", "comp-take", "inputDefinitions", "artifacts", "table",
        )  # fmt: skip

    @pytest.mark.parametrize(
        "description",
        [
            "",
            "Rows.",
            "Needs: rows with a target.",
            "What it needs: {a: b}",
            "Needs:\n  {target:\n  true}.",
            "Gives a table.",
        ],
    )
    def test_other_descriptions_are_left_alone(self, lint, description):
        component = broken(description)

        def pipeline():
            component(table=made(target="a"))

        assert lint(pipeline) == []

    def test_a_contract_may_go_on_over_lines(self, lint):
        component = broken("Rows.\nNeeds: {target: true,\n  columns: [age,\n  $by]}.")

        def pipeline():
            component(table=made(columns=["age"]), by="day")

        assert rules(lint(pipeline)) == [("HF402", "error"), ("HF405", "error")]


def test_a_file_without_contracts_has_no_findings(lint):
    @dsl.component(base_image="python:3.11")
    def take(rows: dsl.Input[dsl.Dataset]):
        pass

    def pipeline():
        imported = dsl.importer(artifact_uri="s3://a/b", artifact_class=dsl.Dataset)
        take(rows=imported.output)

    assert lint(pipeline) == []


def test_a_component_by_itself_is_no_dag_to_be_followed(lint, tmp_path):
    path = tmp_path / "learn.yaml"
    compiler.Compiler().compile(learn, str(path))
    assert check(ir.read(path)) == []


def test_a_large_loop_is_not_unrolled(lint):
    words = ["f1"] * 1000

    def pipeline():
        table = made(target="a", task="regression")
        with dsl.ParallelFor(words) as word:
            learn(table=table, metric=word)

    assert lint(pipeline) == []
