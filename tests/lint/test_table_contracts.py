"""Tables and models that can't fit are found before anything runs."""

from pathlib import Path

import pytest
import yaml
from kfp import compiler, dsl

from holdfast import ir
from holdfast.catalog import (
    assess_fairness,
    batch_predict,
    compare_models,
    cross_validate,
    evaluate_model,
    fetch_model,
    fit_drift_detector,
    fit_performance_baseline,
    fit_transformer,
    ingest_table,
    monitor_performance,
    split_table,
    take_share,
    train_sklearn,
    train_xgboost,
    tune_hyperparameters,
    validate_table,
)
from holdfast.lint.table_contracts import RULES, check
from tests.support import ROOT


@pytest.fixture
def lint(tmp_path):
    """Compile a pipeline, and return what is found in it."""

    def find(function):
        path = tmp_path / "pipeline.yaml"
        compiler.Compiler().compile(dsl.pipeline(name="mine")(function), str(path))
        compiled = ir.read(path)
        found = check(compiled)
        assert all(finding.rule in RULES for finding in found)
        # Each is where the file has something.
        for finding in found:
            here = compiled.pipeline
            for key in finding.path:
                here = here[key]
        return found

    return find


def rules(found):
    return [(finding.rule, finding.severity) for finding in found]


def trained(table, **options):
    """Train on a table, and return transformer and model."""
    transformer = fit_transformer(train=table).outputs["transformer"]
    model = train_xgboost(train=table, transformer=transformer, **options).outputs["model"]
    return transformer, model


class TestTarget:
    def test_a_table_made_without_a_target_goes_to_no_training_step(self, lint):
        def pipeline(uri: str):
            trained(ingest_table(uri=uri).outputs["table"])

        found = lint(pipeline)
        assert rules(found) == [("HF402", "error")] * 2
        assert found[0].path == (
            "root", "dag", "tasks", "fit-transformer", "inputs", "artifacts", "train",
        )  # fmt: skip
        assert "`ingest-table` has none (`target` of `ingest-table` is '')" in found[0].message
        assert "ingest_table(uri=..., target=COLUMN)" in found[0].remedy

    def test_a_table_with_a_target_does(self, lint):
        def pipeline(uri: str):
            trained(ingest_table(uri=uri, target="price").outputs["table"])

        assert lint(pipeline) == []

    def test_a_target_that_the_run_gives_is_not_guessed(self, lint):
        def pipeline(uri: str, target: str):
            trained(ingest_table(uri=uri, target=target).outputs["table"])

        assert lint(pipeline) == []

    def test_an_empty_default_is_a_warning_that_names_the_parameter(self, lint):
        def pipeline(uri: str, column: str = ""):
            trained(ingest_table(uri=uri, target=column).outputs["table"])

        found = lint(pipeline)
        assert rules(found) == [("HF402", "warning")] * 2
        assert "the default of the pipeline's `column`" in found[0].message
        assert "A run that gives `column` another value may fit" in found[0].remedy

    def test_a_model_is_judged_by_a_table_with_its_own_target(self, lint):
        def pipeline(uri: str, other: str):
            _, model = trained(ingest_table(uri=uri, target="churn").outputs["table"])
            test = ingest_table(uri=other, target="churned").outputs["table"]
            evaluate_model(model=model, test=test)

        (finding,) = lint(pipeline)
        assert finding.rule == "HF403"
        assert "needs the target churn in `test`" in finding.message
        assert "'churned' (`target` of `ingest-table-2` is 'churned')" in finding.message

    def test_a_test_table_without_a_target_may_hold_the_column(self, lint):
        def pipeline(uri: str, other: str):
            _, model = trained(ingest_table(uri=uri, target="churn").outputs["table"])
            evaluate_model(model=model, test=ingest_table(uri=other).outputs["table"])

        assert lint(pipeline) == []

    def test_one_parameter_has_one_value_whoever_asks(self, lint):
        def pipeline(uri: str, target: str):
            _, model = trained(ingest_table(uri=uri, target=target).outputs["table"])
            fixed = ingest_table(uri=uri, target="price").outputs["table"]
            evaluate_model(model=model, test=fixed)
            other = ingest_table(uri=uri, target="rent").outputs["table"]
            evaluate_model(model=model, test=other)

        (finding,) = lint(pipeline)
        assert finding.rule == "HF403"
        assert "Both can't be" in finding.message

    def test_a_target_must_be_one_of_the_columns_that_are_kept(self, lint):
        def pipeline(uri: str):
            ingest_table(uri=uri, target="price", columns=["age", "city"])

        (finding,) = lint(pipeline)
        assert (finding.rule, finding.severity) == ("HF405", "error")


class TestTask:
    def test_a_metric_of_classes_judges_no_regression(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            _, model = trained(table)
            evaluate_model(model=model, test=table, metric="roc_auc")

        (finding,) = lint(pipeline)
        assert finding.rule == "HF404"
        assert "needs the task classification in `model` (`metric` of" in finding.message

    def test_a_metric_that_is_left_out_judges_both(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            _, model = trained(table)
            evaluate_model(model=model, test=table)

        assert lint(pipeline) == []

    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ({"estimator": "LogisticRegression"}, 1),
            ({"estimator": "RandomForestClassifier"}, 1),
            ({"estimator": "Ridge", "class_weight": "balanced"}, 1),
            ({"estimator": "Ridge", "class_weight": "none"}, 0),
            ({"estimator": "RandomForestRegressor"}, 0),
            ({"estimator": "one.that.nobody.knows"}, 0),
        ],
    )
    def test_an_estimator_fits_the_task(self, lint, options, found):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            transformer = fit_transformer(train=table).outputs["transformer"]
            train_sklearn(train=table, transformer=transformer, **options)

        assert rules(lint(pipeline)) == [("HF404", "error")] * found

    def test_balanced_classes_are_of_no_regression(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            trained(table, class_weight="balanced")

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_a_gate_of_fairness_fits_the_task(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            _, model = trained(table)
            assess_fairness(
                model=model, test=table, sensitive=["sex"], gates=["equal_opportunity_difference"]
            )

        assert rules(lint(pipeline)) == [("HF404", "error")]

    def test_two_steps_do_not_ask_an_unknown_task_to_be_both(self, lint):
        def pipeline(uri: str, target: str):
            table = ingest_table(uri=uri, target=target).outputs["table"]
            transformer, model = trained(table)
            tune_hyperparameters(train=table, transformer=transformer, metric="roc_auc")
            evaluate_model(model=model, test=table, metric="rmse")

        (finding,) = lint(pipeline)
        assert finding.rule == "HF404"
        assert "classification" in finding.message
        assert "regression" in finding.message

    def test_a_champion_answers_the_same_question(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="price").outputs["table"]
            other = ingest_table(uri=uri, target="rent").outputs["table"]
            challenger, champion = trained(table)[1], trained(other)[1]
            compare_models(challenger=challenger, champion=champion, test=table)

        (finding,) = lint(pipeline)
        assert finding.rule == "HF403"
        assert finding.path[-1] == "champion"

    def test_a_model_of_the_registry_may_be_of_any(self, lint):
        def pipeline(uri: str):
            model = fetch_model(model_name="prices").outputs["model"]
            test = ingest_table(uri=uri, target="price", task="regression").outputs["table"]
            evaluate_model(model=model, test=test, metric="rmse")

        assert lint(pipeline) == []


class TestColumns:
    def test_a_sensitive_column_that_is_not_kept_is_named(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="y_", columns=["age", "y_"]).outputs["table"]
            _, model = trained(table)
            assess_fairness(model=model, test=table, sensitive=["sex", "age"])

        (finding,) = lint(pipeline)
        assert finding.rule == "HF405"
        assert "the column 'sex'" in finding.message
        assert "['age', 'y_'] (`columns` of `ingest-table` is" in finding.message

    def test_pairs_are_of_columns(self, lint):
        def pipeline(uri: str):
            columns = ["sex", "race", "target"]
            table = ingest_table(uri=uri, target="target", columns=columns).outputs["table"]
            _, model = trained(table)
            assess_fairness(model=model, test=table, sensitive=["sex, race"])
            evaluate_model(model=model, test=table, segments=["sex,age"])

        (finding,) = lint(pipeline)
        assert "'sex,age'" in finding.message

    @pytest.mark.parametrize("step", ["split", "share", "folds", "search", "weight"])
    def test_a_column_to_go_by_is_kept(self, lint, step):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t", columns=["a", "t"]).outputs["table"]
            if step == "split":
                split_table(table=table, method="time", by="day")
            elif step == "share":
                take_share(
                    table=table, shares={"a": 0.5, "b": 0.5}, name="a", method="hash", by="day"
                )
            else:
                transformer = fit_transformer(train=table).outputs["transformer"]
                both = {"train": table, "transformer": transformer}
                if step == "folds":
                    cross_validate(**both, method="group", by="day")
                elif step == "search":
                    tune_hyperparameters(**both, method="group", by="day")
                else:
                    train_xgboost(**both, sample_weight="day")

        (finding,) = lint(pipeline)
        assert finding.rule == "HF405"
        assert "'day'" in finding.message

    def test_columns_of_a_file_are_not_guessed(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            _, model = trained(split_table(table=table, method="time", by="day").outputs["train"])
            assess_fairness(model=model, test=table, sensitive=["sex"])

        assert lint(pipeline) == []

    def test_what_predictions_keep_is_what_later_steps_have(self, lint):
        def pipeline(uri: str, truth: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            _, model = trained(table)
            kept = batch_predict(inputs=table, model=model, keep=["city"], key=["id"])
            predictions = kept.outputs["predictions"]
            labels = ingest_table(uri=truth, columns=["id", "t"]).outputs["table"]
            monitor_performance(predictions=predictions, labels=labels, keys=["id"], time="day")
            monitor_performance(predictions=predictions, labels=labels, keys=["customer"])

        found = lint(pipeline)
        assert [finding.message.split(" reads ")[1].split(" (")[0] for finding in found] == [
            "the column 'day' of `predictions`",
            "the column 'customer' of `labels`",
            "the column 'customer' of `predictions`",
        ]

    def test_a_column_is_of_the_type_that_is_needed(self, lint):
        def pipeline(uri: str):
            types = {"weight": "string", "old": "bool"}
            table = ingest_table(uri=uri, target="t", types=types).outputs["table"]
            trained(table, sample_weight="weight")
            # A boolean counts as 0 or 1.
            trained(table, monotone_constraints={"old": 1})

        (finding,) = lint(pipeline)
        assert finding.rule == "HF406"
        assert "needs a number as the column 'weight'" in finding.message

    def test_rows_that_were_set_aside_are_not_validated_again(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri).outputs["table"]
            schema = dsl.importer(artifact_uri="s3://kept", artifact_class=dsl.Artifact).output
            aside = validate_table(table=table, schema=schema).outputs["quarantine"]
            validate_table(table=aside, schema=schema)
            batch_predict(inputs=aside, model_name="prices")

        assert rules(lint(pipeline)) == [("HF409", "error")] * 2


class TestRoles:
    def test_a_holdout_teaches_nothing(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            shares = split_table(table=table, holdout_size=0.1)
            trained(shares.outputs["holdout"])
            fit_drift_detector(reference=shares.outputs["holdout"])

        found = lint(pipeline)
        assert rules(found) == [("HF407", "error")] * 3
        assert "is 'holdout'" in found[0].message

    def test_nor_do_its_predictions(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            shares = split_table(table=table, holdout_size=0.1)
            _, model = trained(shares.outputs["train"])
            scored = batch_predict(inputs=shares.outputs["holdout"], model=model)
            fit_drift_detector(reference=scored.outputs["predictions"])

        assert rules(lint(pipeline)) == [("HF407", "error")]

    def test_a_share_that_is_named_holdout_is_one(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            parts = {"train": 0.8, "holdout": 0.2}
            trained(take_share(table=table, shares=parts, name="holdout").outputs["share"])

        assert rules(lint(pipeline)) == [("HF407", "error")] * 2

    def test_a_holdout_judges(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            shares = split_table(table=table, holdout_size=0.1)
            _, model = trained(shares.outputs["train"])
            evaluate_model(model=model, test=shares.outputs["holdout"])

        assert lint(pipeline) == []


class TestPredictions:
    def test_rows_that_were_not_scored_are_no_predictions(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            shares = split_table(table=table)
            trained(shares.outputs["train"])
            fit_performance_baseline(predictions=shares.outputs["test"])

        (finding,) = lint(pipeline)
        # A table of predictions could be trained on; nobody means to.
        assert (finding.rule, finding.severity) == ("HF408", "warning")
        assert "no step between makes predictions" in finding.message

    def test_a_table_without_the_column_is_none(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, columns=["age", "city"]).outputs["table"]
            fit_performance_baseline(predictions=table)

        (finding,) = lint(pipeline)
        assert finding.rule == "HF405"
        assert "the column 'prediction'" in finding.message

    def test_answers_of_an_evaluation_are_another_kind(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            _, model = trained(table)
            judged = evaluate_model(model=model, test=table)
            fit_performance_baseline(predictions=judged.outputs["predictions"])

        (finding,) = lint(pipeline)
        assert (finding.rule, finding.severity) == ("HF408", "error")

    def test_predictions_that_were_kept_may_be_read_again(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri).outputs["table"]
            monitor_performance(predictions=table)

        assert lint(pipeline) == []

    def test_scored_rows_are(self, lint):
        def pipeline(uri: str):
            table = ingest_table(uri=uri, target="t").outputs["table"]
            shares = split_table(table=table)
            _, model = trained(shares.outputs["train"])
            scored = batch_predict(inputs=shares.outputs["test"], model=model)
            fit_performance_baseline(predictions=scored.outputs["predictions"])
            monitor_performance(predictions=scored.outputs["predictions"])

        assert lint(pipeline) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "compiled").glob("*/*.yaml")), ids=lambda path: path.stem
)
def test_there_is_no_false_alarm_in_the_catalog(path):
    assert check(ir.read(path)) == []


def test_words_that_tell_a_task_are_those_of_the_components():
    import ast

    from holdfast.lint.table_contracts.words import task_of

    def literal(file: str, name: str):
        """Return a constant of a module that can't be imported here, for want of its libraries."""
        tree = ast.parse((ROOT / "components" / "holdfast" / file).read_text())
        (value,) = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
        ]
        if isinstance(value, ast.Dict) and not isinstance(value.values[0], ast.Tuple):
            return [ast.literal_eval(key) for key in value.keys]
        return ast.literal_eval(value)

    for task, metrics in literal("performance/metrics.py", "GATES").items():
        assert {task_of(metric) for metric in metrics} == {task}
    classifiers = literal("training/estimators.py", "CLASSIFIERS")
    assert {task_of(name) for name in classifiers} == {"classification"}
    assert {task_of(name) for name in literal("training/estimators.py", "REGRESSORS")} == {
        "regression"
    }


def test_a_contract_is_in_the_yaml_of_a_single_component(tmp_path):
    path = tmp_path / "train_xgboost.yaml"
    compiler.Compiler().compile(train_xgboost, str(path))
    (document,) = yaml.safe_load_all(path.read_text())
    text = document["root"]["inputDefinitions"]["artifacts"]["train"]["description"]
    assert "Needs: {target: true, role: not holdout," in text


def test_a_component_that_was_loaded_from_yaml_has_its_contract(lint, tmp_path):
    from kfp import components

    steps = {}
    for component in (ingest_table, fit_transformer):
        path = Path(tmp_path) / f"{component.name}.yaml"
        compiler.Compiler().compile(component, str(path))
        steps[component.name] = components.load_component_from_file(str(path))

    def pipeline(uri: str):
        table = steps["ingest-table"](uri=uri).outputs["table"]
        steps["fit-transformer"](train=table)

    assert rules(lint(pipeline)) == [("HF402", "error")]
