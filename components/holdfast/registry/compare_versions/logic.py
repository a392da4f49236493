"""Put two versions side by side."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.registry.lineage import Lineage, lineage_of
from holdfast.report import Paragraph, Report, Rows
from holdfast.tracking import check_name, tracking, version_of_alias

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Pair:
    """Two versions of a model; None where an alias is carried by none."""

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
        InputError: A number is not that of a version, or MLflow does not answer.
    """
    check_name("model_name", model_name)
    check_name("champion", champion)
    check_name("challenger", challenger)
    with tracking() as client:
        return Pair(
            model_name,
            _find(client, model_name, champion),
            _find(client, model_name, challenger),
        )


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
            Rows("Metrics", sides, _rows(pair, "metrics", same_too=True)),
            Rows("Parameters that differ", sides, _rows(pair, "parameters")),
            Rows("Origin that differs", sides, _rows(pair, "origin")),
        ),
    )


def _find(client: "MlflowClient", name: str, which: str) -> Lineage | None:
    number = int(which) if which.isdigit() else version_of_alias(client, name, which)
    return lineage_of(client, name, number) if number else None


def _rows(pair: Pair, what: str, *, same_too: bool = False) -> tuple[tuple[Any, ...], ...]:
    left, right = (getattr(side, what, {}) for side in (pair.champion, pair.challenger))
    names = [n for n in sorted({*left, *right}) if same_too or left.get(n) != right.get(n)]
    return tuple((name, left.get(name, ""), right.get(name, "")) for name in names)
