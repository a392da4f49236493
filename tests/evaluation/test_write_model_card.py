"""write_model_card: sections, metadata block, what is not known, hostile text, bytes."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from holdfast.errors import InputError
from holdfast.evaluation.write_model_card import logic
from holdfast.evaluation.write_model_card.logic import Told, write_card
from holdfast.evaluation.write_model_card.measures import measures
from holdfast.model import Model, ModelInfo, feature_frame, save_model
from holdfast.verdict import Reason, Verdict
from tests.training.samples import write_table

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
SCORES = {"roc_auc": 0.9295, "roc_auc_low": 0.924, "roc_auc_high": 0.935, "log_loss": 0.2748}


def saved(path, names=("x", "z"), target="y", labels=("no", "yes"), dropped=None):
    """Save a small tree as a model and return where."""
    path.mkdir(parents=True, exist_ok=True)
    values = {name: np.arange(20.0) for name in names}
    y = np.array(labels)[np.arange(20) % 2]
    table = write_table(path / "train", {**values, target: y}, target)
    frame = feature_frame(table.read(), list(names))
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(frame, y)
    info = ModelInfo(
        target,
        "classification",
        tuple(names),
        tuple(names),
        dropped or {},
        tuple(labels),
        table.sha256,
        "ab" * 32,
    )
    save_model(Model(Pipeline([("tree", tree)]), info), path / "model", frame.head())
    return path / "model"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("card")
    return saved(path, dropped={"when": "a date of the future"})


def read(card, folder):
    """Write a card; return metadata, Markdown and page."""
    card.write(folder / "card.md", folder / "card.html")
    text = (folder / "card.md").read_text()
    _, metadata, body = text.split("---\n", 2)
    return yaml.safe_load(metadata), body, (folder / "card.html").read_text()


def full(model, **told):
    table = {"rows": 9769.0, "columns": 15.0, "sha256": "5b" * 32, "role": "test", "target": "y"}
    verdicts = {
        "verdict": Verdict("pass", (Reason("ok", "roc_auc", "", "", "Good enough."),)),
        "fairness_verdict": Verdict(
            "fail", (Reason("gap", "sex", "0.174", "0.1", "Groups differ by 0.174.", "fail"),)
        ),
    }
    fairness = {"sex.gap": 0.2, "sex.gap.judged": 0.174, "sex.gap.low": 0.16, "sex.gap.high": 0.19}
    measured = {"metrics": measures(SCORES), "fairness": measures(fairness)}
    return write_card(model, {"test": table}, measured, verdicts, Told(**told))


def test_the_metadata_block_is_hugging_faces_and_holds_the_numbers(model, tmp_path):
    metadata, _, _ = read(full(model, name="adult", license="Apache-2.0"), tmp_path)
    assert metadata["license"] == "apache-2.0"
    assert metadata["library_name"] == "sklearn"
    assert metadata["pipeline_tag"] == "tabular-classification"
    assert metadata["metrics"] == ["log_loss", "roc_auc"]
    ((index),) = metadata["model-index"]
    (result,) = index["results"]
    assert index["name"] == "adult"
    assert result["task"]["type"] == "tabular-classification"
    assert (result["dataset"]["type"], result["dataset"]["split"]) == ("tabular", "test")
    assert result["dataset"]["revision"] == "5b" * 32
    assert result["metrics"] == [
        {"type": "log_loss", "value": 0.2748},
        {"type": "roc_auc", "value": 0.9295, "name": "roc_auc (interval 0.924 to 0.935)"},
    ]


def test_every_section_of_mitchell_et_al_is_there_in_order(model, tmp_path):
    _, body, html = read(full(model), tmp_path)
    assert re.findall(r"^## (.*)$", body, re.MULTILINE) == SECTIONS
    assert re.findall(r"<h2>(.*?)</h2>", html) == SECTIONS


def test_the_card_says_what_the_run_knows(model, tmp_path):
    _, body, html = read(
        full(model, description="Tells.\n\nWell.", owner="Data team", git_commit="c0ffee"), tmp_path
    )
    for text in (
        "| Owner | Data team |",
        "| Git commit | c0ffee |",
        "| Kind | DecisionTreeClassifier |",
        "| max\\_depth | 2 |",
        "scikit-learn==",
        "| roc\\_auc | 0.9295 | 0.924 to 0.935 |",
        "| Rows | 9,769 |",
        "| when | a date of the future |",
        "| sex.gap.judged | 0.174 | 0.16 to 0.19 |",
        "between groups by: sex.",
        "| Fairness | fail | sex | Groups differ by 0.174. |",
        "| Robustness | not known |",
        "ab" * 32,
        "Tells.\n\nWell.",
    ):
        assert text in body, text
    assert "Good enough" not in body
    assert "Groups differ by 0.174." in html


def test_what_is_not_known_is_said_to_be_not_known_and_nothing_is_made_up(
    model, tmp_path, monkeypatch
):
    for name in logic.COMMIT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    metadata, body, _ = read(write_card(model, {}, {}, {}, Told()), tmp_path)
    assert set(metadata) == {"library_name", "pipeline_tag", "tags"}
    parts = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", body, re.MULTILINE | re.DOTALL))
    for name in ("Intended use", "Metrics", "Evaluation data", "Ethical considerations"):
        assert parts[name].strip() == "Not known.", name
    for name in ("Owner", "Licence", "Image", "Git commit"):
        assert f"| {name} | Not known. |" in body
    assert "fairness by group was not assessed" in parts["Factors"]
    assert body.count("| not known |") == 5


def test_the_environment_may_know_the_commit_and_a_parameter_knows_better(monkeypatch):
    monkeypatch.setenv("HOLDFAST_GIT_COMMIT", "beef")
    assert logic.commit(Told()) == "beef"
    assert logic.commit(Told(git_commit="c0ffee")) == "c0ffee"


def test_a_table_that_the_model_was_not_trained_on_is_told_apart(model, tmp_path):
    table = {"rows": 3, "sha256": "00" * 32}
    _, body, _ = read(write_card(model, {"train": table}, {}, {}, Told()), tmp_path)
    assert "not the one that the model names" in body
    own = {"rows": 3, "sha256": logic.read_subject(model).info.trained_on}
    _, body, _ = read(write_card(model, {"train": own}, {}, {}, Told()), tmp_path)
    assert "not the one that the model names" not in body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("Ours & only ours", {"license": "other", "license_name": "ours-only-ours"}),
        ("", {}),
    ],
)
def test_a_licence_is_one_that_the_hub_knows_or_other_with_a_name(text, expected, model, tmp_path):
    metadata, _, _ = read(full(model, license=text), tmp_path)
    assert {key: metadata[key] for key in metadata if key.startswith("license")} == expected


HOSTILE = "<script>alert(1)</script> | [x](javascript:1)\n---\nkey: {value}"


def test_hostile_text_is_shown_as_it_is(tmp_path):
    model = saved(tmp_path, ["<b>x</b>", "a|b"], "<i>y</i>", ["<u>no</u>", "y\nes"], {HOSTILE: "|"})
    told = Told(*[HOSTILE] * 9)
    found = {"metrics": measures({HOSTILE: 0.5})}
    verdicts = {"verdict": Verdict("fail", (Reason("c", HOSTILE, "", "", HOSTILE),))}
    card = write_card(model, {"test": {"rows": 1, "role": HOSTILE}}, found, verdicts, told)
    card.write(tmp_path / "card.md", tmp_path / "card.html")
    text, html = (tmp_path / "card.md").read_text(), (tmp_path / "card.html").read_text()
    end = text.index("\n---\n", 4)
    metadata, body = yaml.safe_load(text[4:end]), text[end + 5 :]
    assert metadata["model-index"][0]["name"] == " ".join(HOSTILE.split())
    assert metadata["model-index"][0]["results"][0]["metrics"][0]["type"] == HOSTILE
    assert not re.findall(r"<(?:script|b|i|u)\b", body + html)
    assert "](javascript" not in body
    assert re.findall(r"^## (.*)$", body, re.MULTILINE) == SECTIONS


def test_three_hundred_features_make_a_small_page(tmp_path):
    model = saved(tmp_path, [f"column {n}" for n in range(300)])
    _, body, html = read(full(model), tmp_path)
    assert "column 299" in body
    assert len(html) < 2_000_000


def test_the_same_inputs_give_the_same_bytes(model, tmp_path):
    assert read(full(model, name="a"), tmp_path) == read(full(model, name="a"), tmp_path)


def test_intervals_go_with_their_metric_and_what_is_no_finite_number_is_left_out():
    found = measures({**SCORES, "contract": "x", "flag": True, "odd": float("nan"), "a_low": 1})
    assert [m.name for m in found] == ["a_low", "log_loss", "roc_auc"]
    assert [m.interval for m in found] == ["", "", "0.924 to 0.935"]


def test_artifacts_that_are_not_given_are_left_out_and_others_go_by_their_role(tmp_path):
    Verdict("pass").write(tmp_path / "verdict")
    given = SimpleNamespace(metadata=SCORES, path=str(tmp_path / "verdict"))
    assert list(logic.measured(given, None, None, given)) == ["metrics", "explanation"]
    assert list(logic.decided(None, given, None, None, given)) == [
        "fairness_verdict",
        "data_verdict",
    ]
    assert list(logic.tables(None, given)) == ["test"]


def test_what_is_no_verdict_is_refused_by_its_role(tmp_path):
    (tmp_path / "verdict").write_text("[]")
    broken = SimpleNamespace(path=str(tmp_path / "verdict"))
    with pytest.raises(InputError, match="`robustness_verdict` must be"):
        logic.decided(None, None, broken, None, None)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="`model` must be an MLflow model directory"):
        write_card(tmp_path, {}, {}, {}, Told())
