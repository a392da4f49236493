"""An ordinal encoder that is fitted to fewer rows is the same encoder."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.preprocessing import OrdinalEncoder

from holdfast.model import feature_frame
from holdfast.training import features


def words(rows: int) -> pd.DataFrame:
    """Return columns of words: even and with missing ones, with a long tail, constant, absent."""
    random = np.random.default_rng(0)
    even = np.where(random.random(rows) < 0.1, None, random.choice(list("abcdefgh"), rows))
    columns = {
        "even": pa.array(even, pa.string()),
        "tail": pa.array(random.zipf(1.3, rows).clip(0, 5_000).astype(str)),
        "one": pa.array(["x"] * rows),
        "absent": pa.nulls(rows, pa.string()),
    }
    return feature_frame(pa.table(columns), list(columns))


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("least", [None, 10, 1_000_000])
@pytest.mark.parametrize("rows", [1, 50, 5_000])
def test_an_encoder_learns_the_same_from_representative_rows(rows, least, most):
    frame = words(rows)
    step = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        min_frequency=least,
        max_categories=most,
    )
    whole = step.fit(pd.concat([frame, frame.iloc[:0].reindex([0])], ignore_index=True))
    _, frozen, _ = features._fit_ordinal(frame, "words", step, list(frame))
    for ours, theirs in zip(frozen.categories_, whole.categories_, strict=True):
        assert pd.Index(ours).equals(pd.Index(theirs))
    np.testing.assert_array_equal(frozen.transform(frame), whole.transform(frame))


def test_many_rows_of_few_words_are_few_rows():
    frame = words(100_000)[["even", "one", "absent"]]
    assert len(features._representative(frame, OrdinalEncoder(min_frequency=10))) < 1_000
