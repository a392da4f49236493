"""The grammar of `features`: which steps each column goes through, as YAML.

By example; every key but `columns` and `encode` may be left out:

    rest: infer      # columns named nowhere: infer (as with no YAML at all), or drop
    drop: [row_id]
    seed: 42         # of the folds of target encoding
    numeric:         # numbers and booleans; steps in this order, whatever the order of the keys
      - {columns: [age, hours], clip: 0.01, impute: median, scale: standard}
      - {columns: [gain, loss], log: true}
      - {columns: [height], impute: mean, bins: 8, one_hot: true}
      - {columns: [x, z], impute: 0, indicator: true, polynomial: 2}
      - {columns: [u, v, w], impute: mean, interactions: true}
    categorical:     # text, integers and booleans
      - {columns: [workclass], encode: one_hot, min_frequency: 20, max_categories: 30}
      - {columns: [size], encode: ordinal, order: [small, medium, large]}
      - {columns: [city], encode: frequency}
      - {columns: [zip], encode: target, folds: 5, smooth: 10}
    datetime:        # dates and times of a date, in UTC
      - {columns: [pickup], parts: [year, month], cyclic: [hour], flags: [weekend, month_end]}
    text:            # each column its own words
      - {columns: [comment], max_features: 200, min_rows: 5, words: 2}

Numbers. `clip` moves what lies beyond the quantiles `clip` and 1 - `clip` of training to them,
infinity too; without it, infinity is refused. `log` is log(1 + x): negative numbers are refused in
training and 0 in serving. A missing number stays missing unless `impute` fills it: by the median,
mean or most frequent number of training, or by a number; a column without any becomes 0.
`indicator` adds a column that tells what was missing. `bins` cuts at quantiles, `polynomial` adds
powers and products up to a degree, `interactions` products alone; all three need `impute`. `scale`
comes last: standard (mean 0, deviation 1), minmax (0 to 1) or robust (median 0, quartiles 1 apart).
No other step: as it is.

Categories. A value that training did not have is -1 in ordinal, the rare group in one_hot (all 0 if
there is none), 0 in frequency, and the target's mean in target. A missing value stays missing in
ordinal, is a category in one_hot and target (if training had some, else like an unknown one), and 0
in frequency. Values in fewer than `min_frequency` rows (default: the component's) share one column
or code; `order` gives the codes 0, 1, ... in its order. Target encoding shows each training row
only what the rows of other folds say: a column that is noise stays noise.

Dates. `parts` are numbers, `cyclic` the sine and cosine of parts, `flags` 0 or 1; all of a missing
date is missing, but month ends and starts are 0.

Text. TF-IDF of words, and of sequences up to `words` long, in at least `min_rows` rows; the
`max_features` most frequent are kept. Unknown words count nothing; a missing text has no words.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from holdfast.documents import Document

Names = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Part = Literal[
    "year",
    "quarter",
    "month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "second",
]
Cycle = Literal["month", "day_of_month", "day_of_week", "day_of_year", "hour", "minute"]
Flag = Literal["weekend", "month_start", "month_end", "quarter_start", "quarter_end", "year_end"]


class Entry(Document):
    """Columns that go through the same steps."""

    columns: Names


class Numeric(Entry):
    """Steps of numbers."""

    # feature-engine's bound: beyond a fifth in each tail, clipping is binning.
    clip: Annotated[float, Field(gt=0, le=0.2)] | None = None
    log: bool = False
    impute: Literal["median", "mean", "most_frequent"] | float | None = None
    indicator: bool = False
    bins: Annotated[int, Field(ge=2, le=255)] | None = None
    one_hot: bool = False
    polynomial: Annotated[int, Field(ge=2, le=3)] | None = None
    interactions: bool = False
    scale: Literal["standard", "minmax", "robust"] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Numeric":
        shapes = {
            "bins": self.bins is not None,
            "polynomial": self.polynomial is not None,
            "interactions": self.interactions,
        }
        used = [name for name, chosen in shapes.items() if chosen]
        if len(used) > 1:
            raise ValueError(f"{' and '.join(used)} exclude each other")
        if used and self.impute is None:
            raise ValueError(f"{used[0]} needs impute: it has no answer for a missing number")
        if self.bins and self.scale:
            raise ValueError("bins and scale exclude each other")
        if self.one_hot and not self.bins:
            raise ValueError("one_hot of numbers needs bins")
        if self.interactions and len(self.columns) < 2:
            raise ValueError("interactions need two columns at least")
        return self


class Categorical(Entry):
    """The encoding of categories."""

    encode: Literal["one_hot", "ordinal", "frequency", "target"]
    min_frequency: Count | None = None
    max_categories: Annotated[int, Field(ge=2)] | None = None
    order: Names | None = None
    folds: Annotated[int, Field(ge=2)] = 5
    smooth: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Categorical":
        readers = {
            "min_frequency": {"one_hot", "ordinal"},
            "max_categories": {"one_hot", "ordinal"},
            "order": {"ordinal"},
            "folds": {"target"},
            "smooth": {"target"},
        }
        for key, encodings in readers.items():
            if key in self.model_fields_set and self.encode not in encodings:
                raise ValueError(f"{key} says nothing to {self.encode}")
        if self.order and (len(self.columns) > 1 or len(set(self.order)) < len(self.order)):
            raise ValueError("order is of one column and names each value once")
        if self.order and (self.min_frequency or self.max_categories):
            raise ValueError("order leaves no value to min_frequency or max_categories")
        return self


class Dates(Entry):
    """What is told from a date."""

    parts: list[Part] | None = None
    cyclic: list[Cycle] = Field(default_factory=list)
    flags: list[Flag] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Dates":
        if not (self.parts or self.cyclic or self.flags) and self.model_fields_set - {"columns"}:
            raise ValueError("no part, cyclic or flag is left; drop the columns instead")
        return self


class Words(Entry):
    """Words of a text."""

    max_features: Annotated[int, Field(ge=1, le=10_000)] = 100
    min_rows: Count = 5
    words: Annotated[int, Field(ge=1, le=3)] = 1


class Features(Document):
    """The whole document."""

    rest: Literal["infer", "drop"] = "infer"
    drop: list[str] = Field(default_factory=list)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    numeric: list[Numeric] = Field(default_factory=list)
    categorical: list[Categorical] = Field(default_factory=list)
    datetime: list[Dates] = Field(default_factory=list)
    text: list[Words] = Field(default_factory=list)
