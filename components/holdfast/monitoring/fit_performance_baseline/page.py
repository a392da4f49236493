"""The page of a performance baseline."""

from holdfast.monitoring import performance_plots as plots
from holdfast.monitoring.fit_performance_baseline.logic import Fitted
from holdfast.report import Block, Figure, Paragraph, Report, Rows


def report(fitted: Fitted) -> Report:
    """Return what is kept of the reference as a page."""
    baseline = fitted.baseline
    known = baseline.origin
    if baseline.calibrator:
        way = f"Calibration: {baseline.calibrator.method}, one class against the rest."
    else:
        way = "Errors are expected by gradient-boosted trees from the columns and the prediction."
    facts = (
        f"{known.rows:,} rows with a label, {fitted.unlabelled:,} without; {known.task} of "
        f"{known.target} by {known.model_name or 'a model'} {known.model_version}. {way}"
    )
    label = "1 less the probability of the true class" if known.classes else "prediction less truth"
    blocks: list[Block] = [
        Paragraph(facts),
        _metrics(fitted),
        _columns(fitted),
        Figure("Errors", plots.spread(None, baseline.errors, label)),
    ]
    if known.classes:
        blocks.append(Figure("Calibration", plots.reliability(None, baseline.reliability)))
    return Report("Performance baseline", "", tuple(blocks))


def _metrics(fitted: Fitted) -> Rows:
    estimated = fitted.baseline.estimated
    rows = tuple(
        (name, found.value, found.low, found.high, estimated.get(name, ""))
        for name, found in fitted.baseline.metrics.items()
    )
    share = f"{100 * fitted.baseline.origin.confidence_level:g} %"
    columns = ("metric", "measured", f"{share} from", f"{share} to", "estimated without labels")
    return Rows("Metrics", columns, rows)


def _columns(fitted: Fitted) -> Rows:
    rows = []
    for column in fitted.baseline.covariates:
        held = f"{column.low:.6g} to {column.high:.6g}"
        if column.kind == "category":
            held = f"{len(column.categories)} values"
        note = "" if column.complete else "not checked: hardly any value comes again"
        rows.append((column.name, column.kind, held, int(column.counts[-1]), note))
    columns = ("column", "kind", "holds", "missing", "note")
    return Rows("Columns of the reference", columns, tuple(rows))
