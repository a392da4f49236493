"""KFP interface of send_alert."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def send_alert(
    rules: str,
    name: str,
    summary: dsl.Output[dsl.Markdown],
    counts: dsl.Output[dsl.Metrics],
    spool: dsl.Output[dsl.Artifact],
    verdict: dsl.Input[dsl.Artifact] = None,
    data: dsl.Input[dsl.Artifact] = None,
    drift: dsl.Input[dsl.Artifact] = None,
    performance: dsl.Input[dsl.Artifact] = None,
    estimate: dsl.Input[dsl.Artifact] = None,
    fairness: dsl.Input[dsl.Artifact] = None,
    metrics: dsl.Input[dsl.Metrics] = None,
    drift_metrics: dsl.Input[dsl.Metrics] = None,
    earlier: dsl.Input[dsl.Artifact] = None,
    window: str = "",
    links: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    on_unsent: str = "fail",
    dry_run: bool = False,
    remember: bool = True,
) -> str:
    """Tell people and machines what verdicts and metrics say: chat, mail, Prometheus, webhooks.

    An alert is told once; within its cooldown again only if it got worse, and when it is over. What
    was told is kept in MLflow as the registered model NAME.alerts. A message that does not arrive
    is kept there and in `spool`, later runs send it first, and this step fails. It may arrive
    twice, with the same Idempotency-Key or Message-ID. The grammar of the rules is in
    components/holdfast/monitoring/send_alert/rules.py.

    Args:
        rules: Channels and rules as YAML; addresses and tokens only as names of variables.
        name: What is watched, such as the registered model.
        verdict: Any verdict, such as that of compare_models.
        data: The verdict of validate_table.
        drift: That of detect_drift.
        performance: That of monitor_performance.
        estimate: That of estimate_performance.
        fairness: That of assess_fairness.
        metrics: Metrics by name, such as those of monitor_performance.
        drift_metrics: Those of detect_drift.
        earlier: The spool of an earlier run, to be sent first.
        window: Its start in ISO 8601, or any name: a step that is tried again tells nothing twice.
        links: Up to ten addresses for the messages, such as that of the run.
        on_unsent: When a message does not arrive: fail, or go_on with the decision unsent. On a
            cluster only the latter keeps the artifact `spool`.
        dry_run: Only say what would be sent.
        remember: Without, every alert is told each time, and MLflow is not needed.

    Returns:
        summary: What became of each alert, and where messages arrived.
        counts: Alerts told, suppressed, resolved and not judged; messages sent and unsent.
        spool: Messages that did not arrive, as JSON lines; empty if all did.
        Output: quiet, sent, suppressed, unsent or dry_run.
    """
    from holdfast.monitoring.send_alert import logic

    given = (verdict, data, drift, performance, estimate, fairness)
    paths = [getattr(each, "path", "") for each in given]
    numbers = [getattr(each, "metadata", {}) for each in (metrics, drift_metrics)]
    facts = logic.gather(name, window, paths, numbers, links)
    options = logic.Options(on_unsent, dry_run, remember)
    outcome = logic.send(rules, facts, getattr(earlier, "path", ""), options)
    counts.metadata.update(outcome.counts)
    spool.metadata.update(outcome.write(summary.path, spool.path))
    return outcome.go_on()
