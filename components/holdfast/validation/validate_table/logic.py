"""Compare a table with its schema, a baseline and expectations, and give a verdict."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.optional import is_there
from holdfast.profiles.profile import (
    Profile,
    empty_profile,
    profile_table,
    read_profile,
    seed_of,
)
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table, open_table
from holdfast.validation import anomalies, row_rules, schema_rules, table_rules, tfdv
from holdfast.validation.expectations import Drift, Expectations, read_expectations
from holdfast.validation.quarantine import SplitRows, require_room, write_rows
from holdfast.validation.schema import constraints, is_sensitive, named_domains, read_schema
from holdfast.validation.statistics import table_statistics
from holdfast.verdict import Decision, Reason, Verdict

# The verdict has all of a finding.
SHOWN_LETTERS = 200


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


@dataclass(frozen=True)
class Plan:
    """The request, read and found to fit the table and the other inputs; no row is read yet."""

    schema: Schema
    environment: str
    expectations: Expectations
    checks: list[row_rules.Prepared]
    reference: Table | None
    baselines: Baselines
    sensitive: frozenset[str]
    as_of: datetime


def validate(table: Table, schema_path: str, others: Others, request: Request) -> Validation:
    """Validate a table.

    Raises:
        InputError: The request does not fit the table, or an input is not what it should be.
    """
    plan = _plan(table, schema_path, others, request)
    profile = read_profile(others.profile) if others.profile else profile_table(table)
    _require_same(profile, table)
    context = anomalies.context_of(plan.schema, profile, plan.expectations.policies, plan.sensitive)
    told = _anomalies(context, plan)
    checks = plan.checks + schema_rules.prepare(told, context, table.schema)
    broken = row_rules.find(table, checks, plan.reference)
    aside = row_rules.set_aside(broken)
    found = [
        *_missing_baselines(plan.schema, plan.baselines),
        *schema_rules.remaining(told, broken),
        *table_rules.reasons_of(plan.expectations, profile, plan.as_of, plan.sensitive),
        *_drift(profile, plan),
        *row_rules.reasons_of(table, broken, plan.sensitive),
        *_too_many(len(aside.rows), table.rows, request.max_quarantine_share),
    ]
    verdict = _verdict(found)
    return Validation(table, verdict, _report(table, plan.schema, verdict, len(aside.rows)), aside)


def _plan(table: Table, schema_path: str, others: Others, request: Request) -> Plan:
    require_room(table)
    _require_request(request)
    schema = read_schema(schema_path)
    _require_environment(request.environment, schema)
    reference = open_table(others.reference, "reference") if others.reference else None
    columns = reference.schema.names if reference else None
    expectations = read_expectations(request.expectations, table.schema.names, columns)
    table_rules.require_fitting(expectations, empty_profile(table.schema))
    return Plan(
        schema,
        request.environment,
        expectations,
        row_rules.prepare(expectations, table.schema, reference.schema if reference else None),
        reference,
        _baselines(others, expectations),
        _sensitive(request.sensitive, schema, table),
        _time(request.as_of),
    )


def _anomalies(context: anomalies.Context, plan: Plan) -> list[Reason]:
    if not plan.schema.feature:
        return []
    earlier, serving = plan.baselines.earlier, plan.baselines.serving
    found = tfdv.validate_statistics(
        table_statistics(context.profile),
        plan.schema,
        plan.environment,
        table_statistics(earlier) if earlier else None,
        table_statistics(serving) if serving else None,
    )
    return anomalies.reasons_of(found, context)


def _drift(profile: Profile, plan: Plan) -> list[Reason]:
    # A table without rows is told as such.
    if not plan.baselines.earlier or not profile.rows:
        return []
    asked = [rule for rule in plan.expectations.rules if isinstance(rule, Drift)]
    rules = asked or [table_rules.USUAL_DRIFT]
    return table_rules.drift_reasons(rules, profile, plan.baselines.earlier, plan.sensitive)


def _sensitive(asked: tuple[str, ...], schema: Schema, table: Table) -> frozenset[str]:
    known = {feature.name for feature in schema.feature} | set(table.schema.names)
    unknown = sorted(set(asked) - known)
    if unknown:
        # A misspelt name would show what was to be hidden.
        raise InputError(
            f"`sensitive` must name columns of the table or the schema. Found: {unknown[:10]}. "
            f"Check the spelling; case counts."
        )
    return frozenset(asked) | {f.name for f in schema.feature if is_sensitive(f)}


def _require_request(request: Request) -> None:
    if not 0 <= request.max_quarantine_share <= 1:
        raise InputError(
            f"`max_quarantine_share` must lie from 0 to 1. Found: {request.max_quarantine_share}. "
            f"The usual choice is 0.1."
        )


def _require_environment(environment: str, schema: Schema) -> None:
    known = sorted(schema.default_environment)
    if environment and schema.feature and environment not in known:
        raise InputError(
            f"`environment` must be one of the schema's: {known}. Found: {environment!r}. Add it "
            f"with update_schema."
        )


def _baselines(others: Others, expectations: Expectations) -> Baselines:
    drift = any(isinstance(rule, Drift) for rule in expectations.rules)
    # fetch_artifact writes an empty file where there is no baseline yet.
    absent = not is_there(others.baseline)
    earlier = None if absent else read_profile(others.baseline, "baseline")
    if earlier is not None and not earlier.rows:
        # As little to compare with as none.
        earlier, absent = None, True
    serving = read_profile(others.serving, "serving") if is_there(others.serving) else None
    return Baselines(earlier, serving, absent and (drift or bool(others.baseline)))


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
    types = {field.name: str(field.type) for field in table.schema}
    # The seed comes from the table's content.
    same = profile.rows == table.rows and profile.seed == seed_of(table)
    if not same or list(profile.types.items()) != list(types.items()):
        raise InputError(
            f"`profile` must be that of `table`. Found: {profile.rows} rows and "
            f"{len(profile.columns)} columns against {table.rows} and {len(types)}, or other "
            f"content. Pass what profile_table wrote for this table."
        )


def _time(as_of: str) -> datetime:
    try:
        moment = datetime.fromisoformat(as_of) if as_of else datetime.now(UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"`as_of` must be an ISO 8601 time. Found: {as_of!r}. Write 2026-01-31T12:00:00Z."
        ) from error


def _too_many(rows: int, total: int, limit: float) -> list[Reason]:
    # A quotient: 0.29 * 100 is less than 29.
    share = rows / max(1, total)
    if share <= limit:
        return []
    reason = Reason(
        code="quarantine_share",
        subject="table",
        observed=f"{rows} of {total} rows set aside",
        expected=f"at most {limit:.4g} of the rows",
        message=f"{rows} of {total} rows break rules and were set aside, more than is accepted.",
        effect="fail",
        share=share,
    )
    return [reason]


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
            _short(reason.subject),
            # Words wrap, codes do not.
            reason.code.replace("_", " "),
            _short(reason.observed),
            _short(reason.expected),
            _short("; ".join(reason.examples)),
        )
        for reason in verdict.reasons
    ]
    headings = ("effect", "column", "rule", "observed", "expected", "examples")
    named = named_domains(schema)
    columns = [(_short(f.name), constraints(f, named)) for f in schema.feature]
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


def _short(text: str) -> str:
    """Return text for a page that stays small, however long names and values are."""
    return text if len(text) <= SHOWN_LETTERS else text[: SHOWN_LETTERS - 1] + "…"
