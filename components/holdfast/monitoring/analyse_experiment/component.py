"""KFP interface of analyse_experiment."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def analyse_experiment(
    metric: str,
    effect: float,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    table: dsl.Input[dsl.Dataset] = None,
    arm: str = "arm",
    control: str = "control",
    kind: str = "proportion",
    better: str = "higher",
    unit: str = "",
    aggregate: str = "mean",
    time: str = "",
    min_effect: float = 0.0,
    guardrails: str = "",
    treatment_share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
    srm_alpha: float = 0.001,
    max_units: int = 0,
    baseline: float = 0.0,
) -> str:
    """Analyse an A/B test or a canary that may be looked at every day: ship, stop or continue.

    It decides by a confidence sequence (normal mixture, Johari et al. 2022) whose false alarms over
    all looks together stay below alpha. Without a table it tells how many units are needed.

    Args:
        metric: The column that decides.
        effect: The improvement to be found, above min_effect, in the metric's unit.
        table: A row for each unit or event, if any. Needs: {columns: [$metric, $arm, $unit, $time]}
        arm: The column of the arm, of two labels.
        control: The label of the control.
        kind: proportion (0 and 1), mean, or a percentile such as p95 of a latency.
        better: higher or lower.
        unit: The column of what was assigned, whose rows count as one; empty: each row is one.
        aggregate: What becomes of a unit's rows: mean, sum or max; percentiles keep the rows.
        time: A column of dates or times; each day is a look, of up to 40. Empty for one look.
        min_effect: The improvement beyond which it is shipped, 0 or more.
        guardrails: YAML of what may get worse by a tolerance at most, such as guardrails:
            [{metric: latency, kind: p95, better: lower, tolerance: 20}].
        treatment_share: The planned share of the treatment's units, between 0 and 1.
        alpha: The chance of a wrong alarm over all looks; guardrails share another one.
        power: The chance to find the effect with the units that are needed.
        srm_alpha: The p-value below which the split of the units is not the planned one.
        max_units: The units of both arms at which it stops undecided; 0 for none.
        baseline: To plan: the control's proportion, or the standard deviation of a unit's value.

    Returns:
        verdict: JSON, the first finding decides: pass for ship, fail for stop (harm, futility,
            guardrail, wrong split, no units left), warn for continue, no_baseline for a plan.
        report: Arms, differences, their confidence sequences over time, and the plan, as a page.
        summary: The same as Markdown, without plots.
        metrics: Values, difference and ratio with their ends, units, units_needed, srm_p_value.
        Output: ship, stop or continue.
    """
    from holdfast.monitoring.analyse_experiment import logic

    columns = (arm, control, unit, time, aggregate)
    plan = (effect, min_effect, treatment_share, alpha, power, srm_alpha, max_units)
    asked = logic.ask((metric, kind, better), columns, plan, guardrails, baseline)
    result = logic.analyse(getattr(table, "path", ""), asked)
    metrics.metadata.update(result.scores)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.choice
