"""KFP interface of backtest_retraining."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def backtest_retraining(
    history: dsl.Input[dsl.Dataset],
    policy: str,
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    window: str = "window",
    truth: str = "",
    cost_retraining: float = 1.0,
    cost_missed: float = 1.0,
    periodic: int = 7,
    delay: int = 0,
):
    """Try a retraining policy on history, beside retraining always, never and from time to time.

    A drop is a run of windows in which the model had truly lost. A retraining answers the drop it
    falls into, and the new model ends it; a retraining that answers none is a false alarm. What the
    new model would have done later, history can't tell: later drops are taken as they were.

    Args:
        history: A row for each window: its start, and the decision of each verdict of the policy in
            a column of the verdict's role (pass, warn, fail, no_baseline); `rows` where the policy
            has a minimum of them. The `history` of decide_retraining is one.
            Needs: {columns: [$window, $truth]}
        policy: YAML, as decide_retraining takes it.
        window: The column of the windows' start, a timestamp or ISO 8601 text.
        truth: The column that says whether the model had lost, true or false; empty if that is not
            known, and then only retrainings are told.
        cost_retraining: What one costs, at least 0.
        cost_missed: What a window with a lost model costs, at least 0.
        periodic: After how many windows each the periodic strategy retrains.
        delay: How many windows go by before a new model is live, besides the one that was judged.

    Returns:
        metrics: windows, retrained, drops, drops_missed, windows_missed, false_alarms, delay (in
            windows, if a drop was answered) of the policy; cost_policy, cost_always, cost_periodic
            and cost_never.
        report: Strategies in numbers and over time.
        summary: The same as Markdown, without the plot.
    """
    from holdfast.monitoring.backtest_retraining import logic
    from holdfast.table import open_table

    table = open_table(history.path, "history")
    costs = logic.Costs(cost_retraining, cost_missed)
    result = logic.backtest(table, policy, (window, truth), costs, periodic, delay)
    metrics.metadata.update(result.write(report.path, summary.path))
