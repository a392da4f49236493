"""What is counted while a table is scored, and the verdict on it."""

from collections import Counter
from collections.abc import Sequence

from holdfast.model import ModelInfo
from holdfast.serving.batch_predict.scoring import NOT_FINITE, REFUSED, Scored
from holdfast.verdict import Decision, Reason, Verdict

EXPLAINED = {
    "unparsable_value": ("text that reads as a value", "could not be read as the model reads them"),
    "infinite_number": ("finite numbers", "hold infinite numbers"),
    "missing_value": ("a value", "lack a value that the model can't do without"),
    "refused_by_model": ("what the model accepts", "were refused; quarantine_reasons says why"),
    "answer_not_finite": ("a finite answer", "got an answer that is not a finite number"),
}


class Tally:
    """Counts of rows, reasons and answers, and the sums that the report needs."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.rows = 0
        self.scored = 0
        self.reasons: Counter[str] = Counter()
        self.answers: Counter[object] = Counter()
        # Of the probability of each class, or of the one answer of a regression.
        self.sums = [0.0] * max(1, len(info.classes))
        self.lowest, self.highest = float("inf"), float("-inf")

    @property
    def aside(self) -> int:
        """How many rows were set aside."""
        return self.rows - self.scored

    @property
    def share(self) -> float:
        """Which share of the rows was set aside; 0 of none."""
        return self.aside / self.rows if self.rows else 0.0

    def add(self, rows: int, found: Scored) -> None:
        """Count a batch."""
        import numpy as np

        self.rows += rows
        self.scored += len(found.output)
        self.reasons.update(found.reasons)
        if not len(found.output):
            return
        if self.info.classes:
            counts = np.bincount(found.output.argmax(axis=1), minlength=len(self.info.classes))
            self.answers.update(dict(zip(self.info.classes, counts.tolist(), strict=True)))
        else:
            self.lowest = min(self.lowest, float(found.output.min()))
            self.highest = max(self.highest, float(found.output.max()))
        sums = np.atleast_1d(found.output.sum(axis=0, dtype=float))
        self.sums = [old + new for old, new in zip(self.sums, sums.tolist(), strict=True)]

    def metrics(self) -> dict[str, float]:
        """Return counts and means by name; those of no row are not numbers."""
        found = {
            "rows": float(self.rows),
            "scored_rows": float(self.scored),
            "quarantined_rows": float(self.aside),
            "quarantine_share": self.share,
        }
        if not self.scored:
            return found
        means = [each / self.scored for each in self.sums]
        if not self.info.classes:
            (mean,) = means
            more = {"mean": mean, "lowest": self.lowest, "highest": self.highest}
            return found | {f"prediction_{name}": value for name, value in more.items()}
        for label, mean in zip(self.info.classes, means, strict=True):
            found[f"share_{label}"] = self.answers[label] / self.scored
            found[f"mean_probability_{label}"] = mean
        return found

    def verdict(self, most: float) -> Verdict:
        """Return the decision, and a reason for each kind of row that was set aside."""
        effect: Decision = "fail" if self.share > most else "warn"
        reasons = [self._reason(code, places) for code, places in self._by_code()]
        if self.share > most:
            reasons.insert(0, self._too_many(most))
        if not self.rows:
            reasons.append(
                Reason("no_rows", "inputs", "0 rows", "rows", "The table has no rows.", "warn")
            )
        return Verdict(effect if reasons else "pass", tuple(reasons))

    def _too_many(self, most: float) -> Reason:
        return Reason(
            "too_many_set_aside", "inputs", f"{self.share:.4g}", f"at most {most:.4g}",
            f"{self.aside:,} of {count_of_rows(self.rows)} could not be scored, {self.share:.4g} "
            f"of them where at most {most:.4g} may be.", "fail", self.share,
        )  # fmt: skip

    def _by_code(self) -> list[tuple[str, Counter[str]]]:
        found: dict[str, Counter[str]] = {}
        for reason, count in self.reasons.items():
            code, _, place = reason.partition(": ")
            found.setdefault(code, Counter())[place] += count
        return sorted(found.items())

    def _reason(self, code: str, places: Counter[str]) -> Reason:
        expected, finding = EXPLAINED[code]
        count = sum(places.values())
        # What a library says of a row may hold its values.
        columns = code not in (REFUSED, NOT_FINITE)
        common = [place for place, _ in places.most_common()] if columns else []
        return Reason(
            code=code,
            subject=_brief(common) or "inputs",
            observed=count_of_rows(count),
            expected=expected,
            message=f"{count:,} of {count_of_rows(self.rows)} {finding}.",
            effect="quarantine",
            share=count / self.rows,
        )


def count_of_rows(count: int) -> str:
    """Return a number with its noun."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def _brief(places: Sequence[str]) -> str:
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return "; ".join(places[:3]) + more
