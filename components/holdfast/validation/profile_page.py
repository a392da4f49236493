"""The page that shows a profile: a card for each column, with what is odd about it first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np

from holdfast.profiles.columns import NumberColumn, TextColumn, quantiles
from holdfast.profiles.profile import Profile
from holdfast.report import Paragraph, Report, Rows
from holdfast.validation.statistics import bucket_counts, equal_width_edges

# Shares from which a column is called mostly missing, nearly unique, dominated by one value.
MOSTLY_MISSING = 0.5
NEARLY_UNIQUE = 0.95
DOMINATED = 0.95
# Above this, a skewness is called high (Bulmer 1979 calls 1 high; income and prices reach 2).
SKEWED = 2.0
SHOWN_VALUES = 5
SHOWN_LETTERS = 40
SHOWN_LETTERS_OF_NAME = 80
SHOWN_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BARS = 24
# A page stays below 2 MB: columns beyond this many bytes are named in the table alone.
CARD_BYTES = 1_300_000

STYLE = """<style>
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; font-size: 13px;
        min-width: 0; overflow-wrap: anywhere; }
.card h3 { font-size: 14px; margin: 0; } .card p { margin: .3rem 0; }
.card small { opacity: .75; } .card svg { width: 100%; height: 3.2rem; fill: #4c78a8; }
.card table { width: 100%; font-size: 12px; } .card td { padding: .05rem .3rem; border: 0; }
.bar { background: linear-gradient(#4c78a866, #4c78a866) no-repeat 0 / var(--w) 100%; }
.odd { background: #9a6700; border-radius: .3rem; color: #fff; font-size: 11px; padding: 0 .3rem; }
#search { font: inherit; padding: .3rem .5rem; width: 18rem; max-width: 100%; margin: 1rem 0; }
</style>"""
# Without scripts the page is whole, but for the search.
SCRIPT = """<script>
const box = document.createElement("input");
Object.assign(box, {id: "search", type: "search", placeholder: "Search columns and warnings"});
const cards = document.querySelector(".cards");
cards.before(box);
box.oninput = () => { for (const card of cards.children)
  card.hidden = !card.textContent.toLowerCase().includes(box.value.toLowerCase()); };
</script>"""


def report(profile: Profile) -> Report:
    """Return the page of a profile."""
    odd = [(n, w) for n, column in profile.columns.items() for w in warnings(column)]
    overview = Rows(
        "Columns",
        ("column", "type", "missing", "distinct", "from", "to", "warnings"),
        tuple(_overview(profile, name) for name in profile.columns),
    )
    cells = profile.rows * len(profile.columns)
    missing = sum(column.missing for column in profile.columns.values())
    text = (
        f"{profile.rows:,} rows and {len(profile.columns):,} columns; "
        f"{_share(missing, cells)} of all values are missing. {len(odd)} warnings."
    )
    return Report("Table profile", "", (Paragraph(text), Cards(profile), overview))


def warnings(column: NumberColumn | TextColumn) -> list[str]:
    """Return what is odd about a column, in words."""
    rows = column.present + column.missing
    if not column.present:
        return ["no values"] if rows else []
    found = {
        "constant": column.distinct == 1,
        "mostly missing": column.missing > MOSTLY_MISSING * rows,
        "nearly unique": _identifies(column)
        and column.present > 1
        and column.distinct > NEARLY_UNIQUE * column.present,
        "one value dominates": column.distinct > 1 and _most_frequent(column) > DOMINATED,
        "skewed": isinstance(column, NumberColumn) and abs(skewness(column)) > SKEWED,
        "infinite values": isinstance(column, NumberColumn)
        and not np.isfinite([column.low, column.high]).all(),
    }
    return [name for name, holds in found.items() if holds]


@np.errstate(invalid="ignore", over="ignore")  # of the largest floats
def skewness(column: NumberColumn) -> float:
    """Return the Fisher-Pearson skewness of a column's finite values, from the sample."""
    values = column.sample.values[np.isfinite(column.sample.values)]
    deviation = values.std() if len(values) else 0.0
    if deviation == 0:
        return 0.0
    return float((((values - values.mean()) / deviation) ** 3).mean())


def _identifies(column: NumberColumn | TextColumn) -> bool:
    """Tell whether a column is of a kind that could name rows: measures are unique by nature."""
    return isinstance(column, TextColumn) or column.whole


def _most_frequent(column: NumberColumn | TextColumn) -> float:
    """Return the share of the most frequent value; of numbers, that of zeros."""
    if isinstance(column, NumberColumn):
        return column.zeros / column.present
    # Of many strings that are all rare, none is kept.
    return sum(column.counts["count"][:1].to_pylist()) / column.present


@dataclass(frozen=True)
class Cards:
    """A card for each column, columns with warnings first; Markdown leaves them to the table."""

    profile: Profile

    def html(self) -> str:
        """Return the cards, as many as fit into a small page."""
        columns = self.profile.columns
        order = sorted(columns, key=lambda name: -len(warnings(columns[name])))
        cards: list[str] = []
        size = 0
        for name in order:
            card = _card(name, self.profile.types[name], columns[name])
            size += len(card.encode())
            if size > CARD_BYTES:
                break
            cards.append(card)
        more = len(order) - len(cards)
        rest = f"<p>{more:,} more columns are in FeatureStats.pb.</p>" if more else ""
        return f'{STYLE}<div class="cards">{"".join(cards)}</div>{rest}{SCRIPT}'

    def markdown(self) -> str:
        """Say that pictures are elsewhere."""
        return "*Histograms, quantiles and frequent values: see the HTML report.*"


def _card(name: str, kind: str, column: NumberColumn | TextColumn) -> str:
    rows = column.present + column.missing
    odd = " ".join(f'<span class="odd">{escape(w)}</span>' for w in warnings(column))
    about = [
        escape(kind),
        f"{_share(column.missing, rows)} missing",
        f"{_about(column)}{column.distinct:,} distinct",
    ]
    body = _numbers(kind, column) if isinstance(column, NumberColumn) else _texts(column)
    return (
        f'<div class="card"><h3>{escape(_short(name, SHOWN_LETTERS_OF_NAME))}</h3>'
        f"<small>{' · '.join(about)}</small> {odd}{body if column.present else ''}</div>"
    )


def _numbers(kind: str, column: NumberColumn) -> str:
    shares = [*SHOWN_SHARES]
    cells = [
        ("min", column.low),
        *(
            (f"{share:.0%}", value)
            for share, value in zip(shares, quantiles(column, shares), strict=True)
        ),
        ("max", column.high),
    ]
    values = "".join(
        f'<tr><td>{label}</td><td class="number">{escape(_value(kind, value))}</td></tr>'
        for label, value in cells
    )
    moments = ""
    if not _is_time(kind):
        mean, deviation = _value(kind, column.mean), _value(kind, column.deviation)
        moments = f"<p>mean {mean} · standard deviation {deviation} · {column.zeros:,} zeros</p>"
    return f"{_bars(column)}{moments}<table>{values}</table>"


def _bars(column: NumberColumn) -> str:
    """Return the histogram as one path: a page may hold hundreds."""
    counts = bucket_counts(column, equal_width_edges(column, BARS))
    if not counts.any():
        return ""
    top = counts.max()
    width = 100 / len(counts)
    steps = "".join(
        f"M{i * width:.4g} 40v-{max(h, 0.6 * (h > 0)):.3g}h{width * 0.9:.3g}V40z"
        for i, h in enumerate(counts / top * 40)
    )
    return (
        f'<svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" '
        f'aria-label="histogram"><path d="{steps}"/></svg>'
    )


def _texts(column: TextColumn) -> str:
    top = column.counts.slice(0, SHOWN_VALUES).to_pylist()
    rows = "".join(
        f'<tr><td class="bar" style="--w:{entry["count"] / top[0]["count"]:.0%}">'
        f"{escape(_short(entry['value'], SHOWN_LETTERS)) or '<i>empty text</i>'}</td>"
        f'<td class="number">{entry["count"]:,}</td>'
        f'<td class="number">{_share(entry["count"], column.present)}</td></tr>'
        for entry in top
    )
    lengths = f"{column.shortest:,} to {column.longest:,}"
    return f"<p>length {lengths} bytes</p><table>{rows}</table>"


def _overview(profile: Profile, name: str) -> tuple[str, ...]:
    column, kind = profile.columns[name], profile.types[name]
    rows = column.present + column.missing
    ends = ("", "")
    if isinstance(column, NumberColumn) and column.present:
        ends = (_value(kind, column.low), _value(kind, column.high))
    distinct = f"{_about(column)}{column.distinct:,}"
    odd = ", ".join(warnings(column))
    shown = _short(name, SHOWN_LETTERS_OF_NAME)
    return (shown, kind, _share(column.missing, rows), distinct, *ends, odd)


def _value(kind: str, value: float) -> str:
    if _is_time(kind) and abs(value) < 2**37:
        moment = datetime.fromtimestamp(value, UTC)
        return f"{moment:%Y-%m-%d}" if kind.startswith("date") else f"{moment:%Y-%m-%d %H:%M:%S}"
    whole = kind.startswith(("int", "uint")) and np.isfinite(value) and value == round(value)
    return f"{value:,.0f}" if whole else f"{value:.6g}"


def _is_time(kind: str) -> bool:
    return kind.startswith(("date", "timestamp"))


def _about(column: NumberColumn | TextColumn) -> str:
    return "" if column.distinct_is_exact else "about "


def _share(count: int, total: int) -> str:
    if count in (0, total):
        return "100 %" if count else "0 %"
    share = 100 * count / total
    return "< 0.1 %" if share < 0.1 else "> 99.9 %" if share > 99.9 else f"{share:.1f} %"


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
