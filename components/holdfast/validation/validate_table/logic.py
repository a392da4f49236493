"""Compare a table with its schema, a baseline and expectations, and give a verdict."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema

from holdfast.errors import InputError
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table, open_table
from holdfast.validation import anomalies, row_rules, table_rules, tfdv
from holdfast.validation.expectations import Drift, Expectations, read_expectations
from holdfast.validation.profile import Profile, profile_table, read_profile
from holdfast.validation.quarantine import SplitRows, write_rows
from holdfast.validation.schema import constraints, is_sensitive, read_schema
from holdfast.validation.statistics import table_statistics
from holdfast.verdict import Decision, Reason, Verdict


@dataclass(frozen=True)
class Request:
    """What is asked of the table; see the component's arguments."""

    expectations: str = ""
    environment: str = ""
    sensitive: tuple[str, ...] = ()
    max_quarantine_share: float = 0.1
    as_of: str = ""


@dataclass(frozen=True)
class Others:
    """Where the other inputs lie; empty for those that were not given."""

    profile: str = ""
    baseline: str = ""
    serving: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Validation:
    """A verdict on a table, the page that shows it, and the rows to set aside."""

    table: Table
    verdict: Verdict
    report: Report
    aside: row_rules.Aside

    def write_rows(self, accepted: str | Path, quarantine: str | Path) -> SplitRows:
        """Write the rows that go on, and those set aside."""
        return write_rows(self.table, self.aside, accepted, quarantine)


@dataclass(frozen=True)
class Baselines:
    """What the table is compared with over time; None for what is not there."""

    earlier: Profile | None
    serving: Profile | None
    # A baseline was asked for, and there is none yet.
    wanted: bool


def validate(table: Table, schema_path: str, others: Others, request: Request) -> Validation:
    """Validate a table.

    Raises:
        InputError: The request does not fit the table, or an input is not what it should be.
    """
    if not 0 <= request.max_quarantine_share <= 1:
        raise InputError(
            f"`max_quarantine_share` must lie from 0 to 1. Found: {request.max_quarantine_share}. "
            f"The usual choice is 0.1."
        )
    as_of = _time(request.as_of)
    schema = read_schema(schema_path)
    reference = open_table(others.reference, "reference") if others.reference else None
    columns = reference.schema.names if reference else None
    expectations = read_expectations(request.expectations, table.schema.names, columns)
    checks = row_rules.prepare(expectations, schema, table)
    baselines = _baselines(others, expectations)

    profile = read_profile(others.profile) if others.profile else profile_table(table)
    _require_same(profile, table)
    sensitive = frozenset(request.sensitive) | {f.name for f in schema.feature if is_sensitive(f)}
    context = anomalies.Context(schema, profile, expectations.policies, sensitive)
    found = _missing_baselines(schema, baselines)
    found += _anomalies(context, expectations, baselines, request.environment)
    found += table_rules.reasons_of(expectations, profile, as_of)
    if baselines.earlier:
        rules = [rule for rule in expectations.rules if isinstance(rule, Drift)]
        found += table_rules.drift_reasons(
            rules or [table_rules.USUAL_DRIFT], profile, baselines.earlier
        )
    broken = row_rules.find(table, checks, reference)
    found += row_rules.reasons_of(table, broken, sensitive)
    aside = row_rules.set_aside(broken)
    if len(aside.rows) > request.max_quarantine_share * table.rows:
        found.append(_too_many(len(aside.rows), table.rows, request.max_quarantine_share))
    verdict = _verdict(found)
    return Validation(table, verdict, _report(table, schema, verdict, len(aside.rows)), aside)


def _anomalies(
    context: anomalies.Context, expectations: Expectations, baselines: Baselines, environment: str
) -> list[Reason]:
    if not context.schema.feature:
        return []
    known = set(context.schema.default_environment)
    if environment and environment not in known:
        raise InputError(
            f"`environment` must be one of the schema's: {sorted(known)}. Found: {environment!r}. "
            f"Add it with update_schema."
        )
    found = tfdv.validate_statistics(
        table_statistics(context.profile),
        _with_comparators(context.schema, expectations),
        environment,
        table_statistics(baselines.earlier) if baselines.earlier else None,
        table_statistics(baselines.serving) if baselines.serving else None,
    )
    return anomalies.reasons_of(found, context)


def _with_comparators(schema: Schema, expectations: Expectations) -> Schema:
    """Return the schema with the drift rules that TFDV judges as its comparators."""
    changed = Schema()
    changed.CopyFrom(schema)
    for rule in expectations.rules:
        if isinstance(rule, Drift):
            for feature in changed.feature:
                if not rule.columns or feature.name in rule.columns:
                    _compare(feature, rule)
    return changed


def _compare(feature: Feature, rule: Drift) -> None:
    comparator = feature.drift_comparator
    if rule.measure == "l_infinity":
        comparator.infinity_norm.threshold = rule.max
    elif rule.measure == "jensen_shannon":
        comparator.jensen_shannon_divergence.threshold = rule.max


def _baselines(others: Others, expectations: Expectations) -> Baselines:
    drift = any(isinstance(rule, Drift) for rule in expectations.rules)
    # fetch_artifact writes an empty file where there is no baseline yet.
    absent = not others.baseline or _is_empty(others.baseline)
    earlier = None if absent else read_profile(others.baseline, "baseline")
    no_serving = not others.serving or _is_empty(others.serving)
    serving = None if no_serving else read_profile(others.serving, "serving")
    return Baselines(earlier, serving, absent and (drift or bool(others.baseline)))


def _is_empty(path: str) -> bool:
    return Path(path).is_file() and not Path(path).stat().st_size


def _missing_baselines(schema: Schema, baselines: Baselines) -> list[Reason]:
    found = []
    if not schema.feature:
        found.append(_absent("empty_schema", "schema", "no columns", "at least one column"))
    if baselines.wanted:
        found.append(_absent("no_baseline", "baseline", "none yet", "the profile of a table"))
    return found


def _absent(code: str, subject: str, observed: str, expected: str) -> Reason:
    message = f"There is nothing to compare the table with: the {subject} is empty."
    return Reason(code, subject, observed, expected, message, "no_baseline")


def _require_same(profile: Profile, table: Table) -> None:
    if profile.rows != table.rows or list(profile.columns) != table.schema.names:
        raise InputError(
            f"`profile` must be that of `table`. Found: {profile.rows} rows and "
            f"{len(profile.columns)} columns against {table.rows} and {len(table.schema.names)}. "
            f"Pass what profile_table wrote for this table."
        )


def _time(as_of: str) -> datetime:
    try:
        moment = datetime.fromisoformat(as_of) if as_of else datetime.now(UTC)
    except ValueError as error:
        raise InputError(
            f"`as_of` must be an ISO 8601 time. Found: {as_of!r}. Write 2026-01-31T12:00:00Z."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _too_many(rows: int, total: int, limit: float) -> Reason:
    return Reason(
        code="quarantine_share",
        subject="table",
        observed=f"{rows} of {total} rows set aside",
        expected=f"at most {limit:.4g} of the rows",
        message=f"{rows} of {total} rows break rules and were set aside, more than is accepted.",
        effect="fail",
        share=rows / max(1, total),
    )


def _verdict(reasons: list[Reason]) -> Verdict:
    effects = {reason.effect for reason in reasons}
    decision: Decision = "pass"
    if "fail" in effects:
        decision = "fail"
    elif effects & {"warn", "quarantine"}:
        decision = "warn"
    elif "no_baseline" in effects:
        decision = "no_baseline"
    order = ["fail", "quarantine", "warn", "no_baseline"]
    return Verdict(decision, tuple(sorted(reasons, key=lambda r: order.index(r.effect))))


def _report(table: Table, schema: Schema, verdict: Verdict, aside: int) -> Report:
    findings = [
        (
            reason.effect,
            reason.subject,
            # Words wrap, codes do not.
            reason.code.replace("_", " "),
            reason.observed,
            reason.expected,
            "; ".join(reason.examples),
        )
        for reason in verdict.reasons
    ]
    headings = ("effect", "column", "rule", "observed", "expected", "examples")
    columns = [(f.name, constraints(f, schema)) for f in schema.feature]
    return Report(
        title="Table validation",
        decision=verdict.decision,
        blocks=(
            Paragraph(
                f"{table.rows:,} rows and {len(table.schema.names)} columns against a schema of "
                f"{len(schema.feature)} columns: {len(findings)} findings. {aside:,} rows were set "
                f"aside, {table.rows - aside:,} go on."
            ),
            Rows("Findings", headings, tuple(findings)),
            Rows("Schema", ("column", "expected"), tuple(columns)),
        ),
    )
