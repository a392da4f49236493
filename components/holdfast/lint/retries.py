"""HF2, retries: what happens when a step fails."""

import re
from collections.abc import Iterator

from holdfast.lint.pipeline import Pipeline, Step, Task, part, words
from holdfast.lint.rule import Place, rule

ADDRESS_WORDS = frozenset(
    {"uri", "uris", "url", "urls", "endpoint", "endpoints", "host", "bucket", "address"}
)
REMOTE = re.compile(
    r"^\s*(?:import|from)\s+(requests|httpx|aiohttp|urllib3|urllib\.request|boto3|botocore|s3fs"
    r"|minio|gcsfs|google\.cloud|azure|kubernetes|psycopg2?|sqlalchemy|pymysql|pymongo|redis"
    r"|mlflow|huggingface_hub|snowflake|openai|kfp\.client|kafka|smtplib|paramiko)\b",
    re.MULTILINE,
)


@rule(
    "HF205",
    "no-retry",
    "note",
    why="A network fails now and then, and a step that is not tried again fails the run. Whether a "
    "step reaches one is guessed: it has a secret or a ConfigMap in its environment, an input "
    "named uri, url, endpoint, host, bucket or address, or its code imports a client.",
    remedy="task.set_retry(num_retries=2, backoff_duration='30s', backoff_factor=2), if the step "
    "can be repeated without harm.",
    of_tasks=True,
)
def no_retry(pipeline: Pipeline) -> Iterator[Place]:
    """Find steps that seem to reach a network, and are tried once."""
    for step in pipeline.steps:
        for task in step.tasks:
            reason = _reason(step, task)
            if reason and not _retries(task):
                yield Place(f"`{task.name}` {reason}, and is tried once", task.path)


def _retries(task: Task) -> int:
    return int(part(task.spec, "retryPolicy").get("maxRetryCount") or 0)


def _reason(step: Step, task: Task) -> str:
    """Return why a step is taken to reach a network; empty if it is not."""
    for key, what in (("secretAsEnv", "a secret"), ("configMapAsEnv", "a ConfigMap")):
        if step.kubernetes.get(key):
            return f"has {what} in its environment"
    inputs = part(task.component, "inputDefinitions", "parameters")
    for name in sorted(inputs):
        if words(name)[-1:] and words(name)[-1] in ADDRESS_WORDS:
            return f"has an input `{name}`"
    for _, word in step.words:
        found = REMOTE.search(word)
        if found:
            return f"imports {found[1]}"
    return ""


@rule(
    "HF206",
    "retry-without-backoff",
    "note",
    why="set_retry() without backoff_duration tries again at once: what was down is still down.",
    remedy="task.set_retry(num_retries=..., backoff_duration='30s', backoff_factor=2).",
)
def retry_without_backoff(pipeline: Pipeline) -> Iterator[Place]:
    """Find retries that do not wait."""
    for task in pipeline.tasks:
        wait = str(part(task.spec, "retryPolicy").get("backoffDuration") or "0s")
        if _retries(task) and not float(wait[:-1]):
            yield Place(
                f"`{task.name}` is tried again without a pause", (*task.path, "retryPolicy")
            )


@rule(
    "HF207",
    "retry-of-a-dag",
    "note",
    why="Many versions of KFP's server ignore the retry of a nested pipeline, silently "
    "(kubeflow/pipelines#11288).",
    remedy="Set the retry on the steps within.",
)
def retry_of_a_dag(pipeline: Pipeline) -> Iterator[Place]:
    """Find retries of tasks that are DAGs."""
    for task in pipeline.tasks:
        if _retries(task) and part(task.component, "dag"):
            message = f"`{task.name}` is a nested pipeline with a retry"
            yield Place(message, (*task.path, "retryPolicy"))
