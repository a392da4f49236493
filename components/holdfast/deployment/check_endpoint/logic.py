"""Ask a served model what its clients will ask, and what they should not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.deployment.check_endpoint.calls import Call, Sample, calls_of, take_sample
from holdfast.deployment.check_endpoint.judging import document_of, judge, version_reasons
from holdfast.deployment.endpoint import Answer, Endpoint, Patience, caller_of, protocols
from holdfast.errors import InputError
from holdfast.report import Paragraph, Report, Rows
from holdfast.verdict import Decision, Reason, Verdict


@dataclass(frozen=True)
class Settings:
    """What is asked of whom: `version` is the one that must answer, 0 for any."""

    endpoint: Endpoint
    sample: Sample
    version: int
    patience: Patience


def ask(
    where: tuple[str, str, str],
    sent: tuple[str, str],
    protocol: str,
    version: int,
    patience: tuple[float, int],
) -> Settings:
    """Return settings from plain values: the endpoint's, model and request, and the rest.

    Raises:
        InputError: One of them is out of its range.
    """
    if version < 0:
        raise InputError(
            f"`version` must be 0 for any, or a version of the registry. Found: {version}. Pass "
            f"the number that register_model returned."
        )
    sample = take_sample(*sent, protocols(protocol))
    return Settings(Endpoint(*where), sample, version, Patience(*patience))


@dataclass(frozen=True)
class Done:
    """A call, its answer, and what is wrong with it."""

    call: Call
    answer: Answer
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Smoke:
    """What is known of an endpoint after it has been asked.

    `scores` are the milliseconds of each call and how often it was asked again.
    """

    scores: dict[str, float]
    verdict: Verdict
    report: Report

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata()


def check(settings: Settings) -> Smoke:
    """Ask all that is to be asked; where nobody answers, the rest is not asked."""
    done: list[Done] = []
    told: dict[str, str] = {}
    declared: list[Any] = []
    with caller_of(settings.endpoint, settings.patience) as caller:
        for call in calls_of(settings.endpoint, settings.sample):
            answer = caller.ask(call.method, call.path, call.body)
            reasons = judge(call, answer, settings.sample, declared)
            done.append(Done(call, answer, reasons))
            if answer.status == 0:
                break
            said = _as_document(answer)
            if call.kind == "metadata":
                outputs = said.get("outputs")
                declared = outputs if isinstance(outputs, list) else []
            told |= _version(call, answer, said)
    found = tuple(reason for entry in done for reason in entry.reasons)
    # A server that does not answer says nothing of versions.
    if done[-1].answer.status:
        found += version_reasons(settings.version, told)
    decision = _decision(found)
    scores = _scores(done)
    return Smoke(scores, Verdict(decision, found), _report(settings, done, told, decision, found))


def _as_document(answer: Answer) -> dict[str, Any]:
    document = document_of(answer) if answer.status == 200 else None
    return document if isinstance(document, dict) else {}


def _version(call: Call, answer: Answer, said: dict[str, Any]) -> dict[str, str]:
    """Return the version that an answer names, by the call's name."""
    if answer.status != 200 or call.kind not in ("predict", "metadata"):
        return {}
    versions = said.get("versions")
    listed = versions[0] if isinstance(versions, list) and len(versions) == 1 else ""
    version = str(said.get("model_version") or answer.version or listed or "")
    return {call.name: version} if version else {}


def _decision(found: tuple[Reason, ...]) -> Decision:
    effects = {reason.effect for reason in found}
    return "fail" if "fail" in effects else "warn" if "warn" in effects else "pass"


def _scores(done: list[Done]) -> dict[str, float]:
    scores = {f"{d.call.name}_ms": round(1000 * d.answer.seconds, 3) for d in done}
    scores["calls"] = len(done)
    scores["calls_with_findings"] = sum(bool(d.reasons) for d in done)
    scores["repeated_calls"] = sum(d.answer.attempts - 1 for d in done)
    return scores


def _report(
    settings: Settings,
    done: list[Done],
    told: dict[str, str],
    decision: str,
    found: tuple[Reason, ...],
) -> Report:
    bad = len({reason.subject for reason in found})
    headline = f"{len(done)} calls, findings in {bad}." if found else f"All {len(done)} calls hold."
    versions = sorted(set(told.values()))
    facts = (
        f"{settings.endpoint.base()}, model {settings.endpoint.model_name}, {settings.sample.rows} "
        f"rows sent. Version that answered: {', '.join(versions) or 'not told'}; expected: "
        f"{settings.version or 'any'}."
    )
    rows = tuple(
        (d.call.name, f"{d.call.method} {d.call.path}", d.answer.status or "none",
         round(1000 * d.answer.seconds, 1), d.answer.attempts,
         ", ".join(reason.code for reason in d.reasons) or "as it should be")
        for d in done
    )  # fmt: skip
    columns = ("call", "request", "status", "ms", "attempts", "finding")
    findings = tuple((r.effect, r.code, r.subject, r.message) for r in found)
    shown = (Rows("Findings", ("effect", "code", "subject", "finding"), findings),)
    return Report(
        "Endpoint check",
        decision,
        (
            Paragraph(headline),
            Paragraph(facts),
            *(shown if findings else ()),
            Rows("Calls", columns, rows),
        ),
    )
