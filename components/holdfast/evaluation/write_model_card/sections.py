"""The sections of a model card, in the order of Mitchell et al. 2019."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.evaluation.write_model_card.blocks import NOT_KNOWN, Part, facts, prose, section
from holdfast.report import Block, Paragraph

if TYPE_CHECKING:
    from holdfast.evaluation.write_model_card.logic import Known

GATES = {
    "verdict": "Evaluation",
    "data_verdict": "Data validation",
    "fairness_verdict": "Fairness",
    "robustness_verdict": "Robustness",
    "explanation_verdict": "Explanation",
}
ANALYSES = {
    "fairness": "Fairness",
    "robustness": "Robustness",
    "explanation": "Explanation (shares of importance, and checks)",
}
OPEN = ("warn", "fail", "no_baseline")


def every(known: "Known", commit: str) -> tuple[Block, ...]:
    """Return all sections.

    Args:
        known: What is known.
        commit: The commit of the pipeline's code, or nothing.
    """
    told = known.told
    return (
        *prose(told.description),
        *_details(known, commit),
        *section("Intended use", *prose(told.intended_use)),
        *_factors(known),
        *_metrics(known),
        *section("Evaluation data", *_table(known.tables.get("test", {}))),
        *_training(known),
        *_analyses(known),
        *section("Ethical considerations", *prose(told.ethics)),
        *_caveats(known),
    )


def _details(known: "Known", commit: str) -> tuple[Block, ...]:
    subject, told, info = known.subject, known.told, known.subject.info
    details = {
        "Owner": told.owner,
        "Licence": told.license,
        "Kind": " > ".join(subject.steps),
        "Task": f"{info.task} of {info.target}",
        "Classes": ", ".join(map(str, info.classes)) if info.classes else "none: a number",
    }
    lineage = {
        "Trained on (sha256 of the table)": info.trained_on,
        "Locked holdout (sha256)": info.holdout_sha256 or "none known",
        "Libraries": ", ".join(subject.libraries),
        "Image": told.image,
        "Git commit": commit,
        "Card written by": f"Holdfast {__version__}",
    }
    parameters = tuple(subject.parameters.items())
    return section(
        "Model details",
        facts("Who and what", details),
        facts("Lineage", lineage),
        Part("Parameters", ("parameter", "value"), parameters),
    )


def _factors(known: "Known") -> tuple[Block, ...]:
    """Say by which groups performance was looked at."""
    fairness = known.measured.get("fairness")
    if not fairness:
        return section("Factors", Paragraph("Not known: fairness by group was not assessed."))
    groups = dict.fromkeys(m.name.partition(".")[0] for m in fairness if "." in m.name)
    named = ", ".join(groups) or "those of the fairness metrics"
    return section("Factors", Paragraph(f"Performance was compared between groups by: {named}."))


def _metrics(known: "Known") -> tuple[Block, ...]:
    found = known.measured.get("metrics")
    if not found:
        return section("Metrics")
    rows = tuple((m.name, m.value, m.interval or "not known") for m in found)
    return section("Metrics", Part("On the evaluation data", ("metric", "value", "interval"), rows))


def _table(metadata: Mapping[str, Any]) -> tuple[Block, ...]:
    if not metadata:
        return ()
    known = {
        "Rows": _count(metadata.get("rows")),
        "Columns": _count(metadata.get("columns")),
        "Share of the split": metadata.get("role") or "none known",
        "Target": metadata.get("target"),
        "sha256": metadata.get("sha256"),
        "Locked holdout of the same split (sha256)": metadata.get("holdout") or "none known",
    }
    return (facts("Table", known),)


def _count(value: Any) -> Any:
    # KFP hands whole numbers on as fractions.
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _training(known: "Known") -> tuple[Block, ...]:
    info, train = known.subject.info, known.tables.get("train", {})
    features = tuple(
        (name, info.kind_of(name), info.remarks.get(name, "")) for name in info.features
    )
    same = train.get("sha256") == info.trained_on
    differs = bool(train.get("sha256")) and not same
    return section(
        "Training data",
        *(_table(train) or (Paragraph(f"The table: {NOT_KNOWN} Its hash is in the lineage."),)),
        *((Paragraph("This table is not the one that the model names as its own."),) * differs),
        Part("Features", ("column", "read as", "remark"), features),
        Part("Columns left out", ("column", "reason"), tuple(info.dropped.items())),
    )


def _analyses(known: "Known") -> tuple[Block, ...]:
    decisions = tuple(
        (gate, known.decided[role].decision if role in known.decided else "not known")
        for role, gate in GATES.items()
    )
    parts: list[Block] = [Part("Decisions", ("gate", "decision"), decisions)]
    for role, title in ANALYSES.items():
        found = known.measured.get(role)
        if found:
            rows = tuple((m.name, m.value, m.interval) for m in found)
            parts.append(Part(title, ("measure", "value", "interval"), rows))
        else:
            parts.append(Paragraph(f"{title.partition(' (')[0]}: {NOT_KNOWN}"))
    return section("Quantitative analyses", *parts)


def _caveats(known: "Known") -> tuple[Block, ...]:
    rows = tuple(
        (gate, reason.effect or known.decided[role].decision, reason.subject, reason.message)
        for role, gate in GATES.items()
        if role in known.decided
        for reason in known.decided[role].reasons
        if (reason.effect or known.decided[role].decision) in (*OPEN, "quarantine")
    )
    found: tuple[Block, ...] = (
        (Part("What the gates found", ("gate", "effect", "subject", "finding"), rows),)
        if known.decided
        else (Paragraph("What the gates found: " + NOT_KNOWN),)
    )
    return section("Caveats and recommendations", *prose(known.told.limits), *found)
