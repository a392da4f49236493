"""KFP interface of decide_retraining."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def decide_retraining(
    policy: str,
    name: str,
    window: str,
    summary: dsl.Output[dsl.Markdown],
    history: dsl.Output[dsl.Dataset],
    verdict: dsl.Input[dsl.Artifact] = None,
    data: dsl.Input[dsl.Artifact] = None,
    drift: dsl.Input[dsl.Artifact] = None,
    performance: dsl.Input[dsl.Artifact] = None,
    estimate: dsl.Input[dsl.Artifact] = None,
    fairness: dsl.Input[dsl.Artifact] = None,
    metrics: dsl.Input[dsl.Metrics] = None,
    current: dsl.Input[dsl.Dataset] = None,
    rows: int = -1,
    dry_run: bool = False,
) -> str:
    """Decide by a policy whether to retrain after a window, and remember the window.

    MLflow keeps the newest 1000 windows as versions of the registered model NAME.retraining. A
    window that comes again, by a step that is tried again, counts once and gets the same answer;
    one that comes with other verdicts takes its own place. Windows may come in any order: the
    policy looks at the newest. Of two steps at once the second sees what the first decided. The
    grammar of the policy is in components/holdfast/monitoring/policy.py.

    Args:
        policy: YAML: which verdicts make a window bad, how many bad ones of the last, cooldown,
            monthly budget, minimum of new rows.
        name: What would be retrained, such as the registered model.
        window: Its start as an ISO 8601 date or time, or START/END; without an offset it is UTC.
        verdict: Any verdict; the policy's verdicts must be given.
        data: The verdict of validate_table.
        drift: That of detect_drift.
        performance: That of monitor_performance.
        estimate: That of estimate_performance.
        fairness: That of assess_fairness.
        metrics: Metrics to remember with the window.
        current: The window's table, to count its rows.
        rows: How many rows it has, where the table is not passed; below 0 for not known.
        dry_run: Only decide; remember nothing.

    Returns:
        summary: The decision, what keeps it back, and the last windows.
        history: The windows that are remembered, oldest first, for backtest_retraining.
        Output: retrain or wait.
    """
    from holdfast.monitoring.decide_retraining import logic

    given = (verdict, data, drift, performance, estimate, fairness)
    paths = [getattr(each, "path", "") for each in given]
    numbers, table = getattr(metrics, "metadata", {}), getattr(current, "path", "")
    news = logic.gather(window, paths, numbers, table, rows)
    decided = logic.decide(policy, name, news, dry_run)
    history.metadata.update(decided.write(summary.path, history.path))
    return decided.known.answer
