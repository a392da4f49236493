"""What the join and the labels themselves say, before any metric does."""

from holdfast.monitoring.join_rows import Labels
from holdfast.monitoring.joining import Counts, Joined
from holdfast.monitoring.outcome import MUCH, share_reason, time_reasons
from holdfast.monitoring.scored import Scored
from holdfast.monitoring.time_windows import FUTURE, TIMELESS
from holdfast.performance.columns import PREDICTION
from holdfast.verdict import Reason

# The labelled rows are others than the unlabelled ones from this distance of their scores on.
LEAST_DISTANCE = 0.1
P_VALUE = 0.01
# Fewer rows on either side tell nothing of their distribution.
LEAST_ROWS = 30


def count_reasons(
    joined: Joined, labels: Labels, min_labelled: float, max_unknown: float
) -> list[Reason]:
    """Return what is to be said of rows that were not joined, or that repeat."""
    counts = joined.counts
    rows = counts.predictions
    return [
        *time_reasons({FUTURE: counts.future, TIMELESS: counts.timeless}, rows),
        *share_reason("missing_keys", "predictions", counts.keyless, rows,
                      "predictions have no key and are left out", MUCH),
        *share_reason("repeated_predictions", "predictions", counts.repeated, rows,
                      "predictions are of a key that comes again: the last one counts", MUCH),
        *share_reason("repeated_labels", "labels", counts.repeated_labels, counts.labels,
                      "labels come again, and say the same", MUCH),
        *share_reason("conflicting_labels", "labels", counts.conflicting, counts.labels,
                      "keys have labels that contradict one another, and are left out"),
        *share_reason("unknown_keys", "labels", counts.unknown, counts.labels,
                      "labels are of keys that no prediction has", max_unknown,
                      joined.unknown()),
        *_label_reasons(counts, labels, min_labelled),
    ]  # fmt: skip


def _label_reasons(counts: Counts, labels: Labels, minimum: float) -> list[Reason]:
    if not counts.joined:
        return []
    share = counts.labelled / counts.joined
    if counts.labelled and share >= minimum:
        return []
    none = not counts.labelled
    return [
        Reason(
            code="no_labels" if none else "labels_missing",
            subject=labels.column,
            observed=f"{counts.labelled} of {counts.joined} rows labelled",
            expected=f"at least {100 * minimum:g} %",
            message=f"{counts.labelled:,} of {counts.joined:,} rows have a label so far"
            + (": nothing can be measured." if none else ": the others may be otherwise."),
            effect="warn",
            share=1 - share,
        )
    ]


def unknown_classes(unknown: int, labelled: int, examples: tuple[str, ...]) -> list[Reason]:
    """Return a warning for labels that are none of the model's classes."""
    return share_reason(
        "unknown_classes", "labels", unknown, labelled,
        "labels are none of the model's classes, and are left out", 0.0, examples,
    )  # fmt: skip


def score_reasons(joined: Joined, scored: Scored) -> list[Reason]:
    """Return warnings where all answers are alike, or labels come to rows of certain scores."""
    import numpy as np
    from scipy.stats import ks_2samp

    names = scored.columns.probabilities
    column = names[1] if len(names) == 2 else names[0] if names else PREDICTION
    rows = joined.scores(column)
    scores = np.asarray(rows["score"].to_numpy(), float)
    known = np.asarray(rows["labelled"].to_numpy(), bool)
    found = []
    if len(scores) > 1 and scores.min() == scores.max():
        found.append(_constant(column, float(scores[0]), len(scores)))
    if min(known.sum(), (~known).sum()) >= LEAST_ROWS:
        test = ks_2samp(scores[known], scores[~known], method="asymp")
        if test.statistic > LEAST_DISTANCE and test.pvalue < P_VALUE:
            found.append(_bias(column, float(test.statistic), float(test.pvalue)))
    return found


def _constant(column: str, value: float, rows: int) -> Reason:
    return Reason(
        code="constant_prediction",
        subject=column,
        observed=f"{value:.6g} in all of {rows} rows",
        expected="more than one value",
        message=f"All {rows:,} predictions are the same.",
        effect="warn",
    )


def _bias(column: str, distance: float, p_value: float) -> Reason:
    return Reason(
        code="label_bias",
        subject=column,
        observed=f"{distance:.3g} (p = {p_value:.2g})",
        expected=f"at most {LEAST_DISTANCE:g}",
        message=f"Rows with a label have other values of {column} than rows without "
        f"(Kolmogorov-Smirnov distance {distance:.3g}): the metrics are those of the labelled "
        f"rows, not of all.",
        effect="warn",
    )
