"""Put two versions side by side."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.registry.lineage import Lineage, lineage_of
from holdfast.report import Paragraph, Report, Rows
from holdfast.tracking import check_name, find_version, tracking, version_of_alias

if TYPE_CHECKING:
    from mlflow import MlflowClient


# The aliases that a model may not have yet; another that is not there was misspelt.
USUAL = ("champion", "challenger")
# What a version does not have.
ABSENT = "none"


@dataclass(frozen=True)
class Pair:
    """Two versions of a model; None where a usual alias is carried by none."""

    name: str
    champion: Lineage | None
    challenger: Lineage | None

    @property
    def champion_version(self) -> int:
        """The champion's number, 0 for none."""
        return self.champion.version if self.champion else 0

    @property
    def challenger_version(self) -> int:
        """The challenger's number, 0 for none."""
        return self.challenger.version if self.challenger else 0


def compare(model_name: str, champion: str, challenger: str) -> Pair:
    """Return two versions by alias or number.

    Raises:
        InputError: There is no such model, version or alias; a champion or a challenger alone may
            be missing, and not both.
        MachineError: MLflow does not answer.
    """
    check_name("model_name", model_name)
    check_name("champion", champion)
    check_name("challenger", challenger)
    with tracking() as client:
        pair = Pair(
            model_name,
            _find(client, model_name, champion),
            _find(client, model_name, challenger),
        )
        if not (pair.champion or pair.challenger):
            # The error of the side that is looked at first tells what there is.
            find_version(client, model_name, champion)
        return pair


def report(pair: Pair) -> Report:
    """Return the page; what is the same is left out, but for metrics."""
    text = (
        f"Champion: version {pair.champion_version or 'none'}. "
        f"Challenger: version {pair.challenger_version or 'none'}."
    )
    sides = ("", "champion", "challenger")
    return Report(
        f"Versions of {pair.name}",
        "",
        (
            Paragraph(text),
            Rows("Metrics", (*sides, "difference"), _metrics(pair)),
            Rows("Parameters that differ", sides, _rows(pair, "parameters")),
            Rows("Origin that differs", sides, _rows(pair, "origin")),
        ),
    )


def _find(client: "MlflowClient", name: str, which: str) -> Lineage | None:
    if which in USUAL and not version_of_alias(client, name, which):
        return None
    return lineage_of(client, find_version(client, name, which))


def _metrics(pair: Pair) -> tuple[tuple[Any, ...], ...]:
    """Return all metrics; the difference is the challenger's less the champion's."""
    left, right = _sides(pair, "metrics")
    less = {name: right[name] - left[name] for name in {*left} & {*right}}
    return tuple(
        (name, *(side.get(name, ABSENT) for side in (left, right, less)))
        for name in sorted({*left, *right})
    )


def _rows(pair: Pair, what: str) -> tuple[tuple[Any, ...], ...]:
    left, right = _sides(pair, what)
    names = [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]
    return tuple((name, left.get(name, ABSENT), right.get(name, ABSENT)) for name in names)


def _sides(pair: Pair, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    left, right = (getattr(side, what, {}) for side in (pair.champion, pair.challenger))
    return left, right
