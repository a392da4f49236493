"""All rules: what is checked, in which order it is listed, and what is said of it."""

from collections.abc import Iterator

from holdfast.ir import Compiled
from holdfast.lint import (
    caching,
    descriptions,
    documents,
    images,
    local_runs,
    reading,
    retries,
    secret_values,
    steps,
    table_contracts,
)
from holdfast.lint.findings import Finding
from holdfast.lint.pipeline import Pipeline
from holdfast.lint.rule import Rule

_CONTRACTS = tuple(
    Rule(
        id,
        "table-contract",
        "error",
        why=f"What components say of their tables does not fit: {text}. Proved along the DAG.",
        remedy="Connect another output, or correct the contract or the parameter.",
    )
    for id, text in table_contracts.RULES.items()  # noqa: A001
)
UNUSED_SUPPRESSION = Rule(
    "HF901",
    "unused-suppression",
    "note",
    why="A suppression that suppresses nothing hides what comes next.",
    remedy="Remove it.",
)
EXPIRED_SUPPRESSION = Rule(
    "HF902",
    "expired-suppression",
    "warning",
    why="The day until which a suppression holds is over; it suppresses nothing.",
    remedy="Mend what it suppressed, or give it another day and say why.",
)
BAD_SUPPRESSION = Rule(
    "HF903",
    "suppression-without-reason",
    "warning",
    why="A comment that suppresses must name rules and a reason; this one suppresses nothing.",
    remedy="# holdfast: ignore HF203 because REASON",
)

RULES: tuple[Rule, ...] = (
    reading.UNREADABLE,
    reading.INVALID,
    reading.UNKNOWN_FIELD,
    documents.broken_reference,
    documents.missing_input,
    documents.unused_platform_config,
    reading.TOO_LARGE,
    documents.long_argument,
    documents.not_ascii,
    reading.YAML_BOOLEAN,
    documents.pipeline_name,
    reading.REPEATED_KEY,
    images.packages_at_start,
    images.image_without_version,
    images.moving_tag,
    steps.no_resources,
    retries.no_retry,
    retries.retry_without_backoff,
    retries.retry_of_a_dag,
    steps.limit_below_request,
    steps.same_mount_path,
    steps.repeated_variable,
    steps.argo_variable,
    steps.wide_loop,
    local_runs.condition_skipped_locally,
    local_runs.loop_fails_locally,
    local_runs.artifact_oneof,
    local_runs.importer_remote,
    *_CONTRACTS,
    caching.cached_address,
    caching.importer_reimport,
    caching.cached_exit_task,
    caching.cached_volume,
    caching.volume_without_name,
    caching.long_name_with_volume,
    secret_values.secret,
    secret_values.literal_for_a_secret,
    descriptions.no_description,
    descriptions.undescribed_parameter,
    descriptions.unused_parameter,
    UNUSED_SUPPRESSION,
    EXPIRED_SUPPRESSION,
    BAD_SUPPRESSION,
)
BY_ID = {rule.id: rule for rule in RULES}


def check(compiled: Compiled, known: Compiled) -> Iterator[Finding]:
    """Yield what all rules find in a valid pipeline; `known` has no field that kfp lacks."""
    pipeline = Pipeline(compiled)
    for rule in RULES:
        yield from rule(pipeline)
    # A broken reference leads the contracts nowhere.
    if not any(documents.broken_reference(pipeline)):
        yield from table_contracts.check(known)
