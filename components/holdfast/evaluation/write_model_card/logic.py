"""Write a model card of what a run knows.

Its sections are those of Mitchell et al. 2019, "Model Cards for Model Reporting".

The same inputs give the same bytes, so no date is in it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.evaluation.write_model_card import sections
from holdfast.evaluation.write_model_card.front_matter import front_matter
from holdfast.evaluation.write_model_card.measures import Measure, measures
from holdfast.evaluation.write_model_card.subject import Subject, read_subject
from holdfast.report import Report
from holdfast.verdict import Verdict, read_verdict
from holdfast.writing import write_text

# Who may know the commit where no parameter says it.
COMMIT_VARIABLES = ("HOLDFAST_GIT_COMMIT", "GIT_COMMIT")


@dataclass(frozen=True)
class Told:
    """What only people know, empty where nobody said it."""

    name: str = ""
    description: str = ""
    intended_use: str = ""
    ethics: str = ""
    limits: str = ""
    owner: str = ""
    license: str = ""
    image: str = ""
    git_commit: str = ""


@dataclass(frozen=True)
class Known:
    """All that a card is written from; what is not known is not in the mappings.

    `tables` is by train and test, `measured` by metrics, fairness, robustness and explanation,
    `decided` by the names of the gates.
    """

    subject: Subject
    told: Told
    tables: Mapping[str, Mapping[str, Any]]
    measured: Mapping[str, tuple[Measure, ...]]
    decided: Mapping[str, Verdict]

    @property
    def name(self) -> str:
        """The model's name."""
        info = self.subject.info
        return " ".join(self.told.name.split()) or f"{info.task} of {info.target}"


@dataclass(frozen=True)
class Card:
    """A card: metadata block and page."""

    metadata: str
    report: Report

    def write(self, markdown_path: str | Path, html_path: str | Path) -> None:
        """Write the card as Markdown, metadata block first, and as a page."""
        text = f"{self.metadata}\n{self.report.markdown()}"
        write_text(markdown_path, text)
        write_text(html_path, self.report.html())


def measured(
    metrics: Any, fairness: Any, robustness: Any, explanation: Any
) -> dict[str, tuple[Measure, ...]]:
    """Return what was measured, from the metadata of the artifacts that are given."""
    given = {
        "metrics": metrics,
        "fairness": fairness,
        "robustness": robustness,
        "explanation": explanation,
    }
    return {role: measures(each.metadata) for role, each in given.items() if each is not None}


def decided(
    verdict: Any, fairness: Any, robustness: Any, explanation: Any, data: Any
) -> dict[str, Verdict]:
    """Return the verdicts that are given, by gate.

    Raises:
        InputError: One of them is no verdict.
    """
    given = {
        "verdict": verdict,
        "fairness_verdict": fairness,
        "robustness_verdict": robustness,
        "explanation_verdict": explanation,
        "data_verdict": data,
    }
    return {role: _read(each.path, role) for role, each in given.items() if each is not None}


def _read(path: str, role: str) -> Verdict:
    try:
        return read_verdict(path)
    except InputError as error:
        raise InputError(str(error).replace("`verdict`", f"`{role}`", 1)) from error


def tables(train: Any, test: Any) -> dict[str, Mapping[str, Any]]:
    """Return what the tables that are given say about themselves."""
    given = {"train": train, "test": test}
    return {role: each.metadata for role, each in given.items() if each is not None}


def write_card(
    model_path: str | Path,
    known_tables: Mapping[str, Mapping[str, Any]],
    measures_by_role: Mapping[str, tuple[Measure, ...]],
    verdicts: Mapping[str, Verdict],
    told: Told,
) -> Card:
    """Return the card of a model.

    Args:
        model_path: The MLflow model directory.
        known_tables: Metadata of the tables, by train and test.
        measures_by_role: What was measured, by metrics, fairness, robustness and explanation.
        verdicts: What the gates decided.
        told: What only people know.

    Raises:
        InputError: It is no model.
    """
    known = Known(read_subject(model_path), told, known_tables, measures_by_role, verdicts)
    metadata = front_matter(
        known.name,
        told.license,
        known.subject.info,
        known.measured.get("metrics", ()),
        known.tables.get("test", {}),
    )
    return Card(
        metadata, Report(f"Model card: {known.name}", "", sections.every(known, commit(told)))
    )


def commit(told: Told) -> str:
    """Return the commit that was told, or that the environment knows."""
    found = (os.environ.get(name, "") for name in COMMIT_VARIABLES)
    return told.git_commit or next((value for value in found if value), "")
