"""Counts and samples that do not depend on how a stream is cut, and merge without loss."""

import numpy as np
import pyarrow as pa
import pytest

from holdfast.profiles.sketches import KEPT_HASHES, DistinctCount, ValueSample, bits, draw, mix


def counted(*streams) -> DistinctCount:
    count = DistinctCount()
    for keys in streams:
        count.update(mix(np.asarray(keys, np.uint64)))
    return count


def sampled(values, size, rows_per_batch=None, first_row=0, seed=0) -> ValueSample:
    sample = ValueSample(size)
    column = pa.chunked_array([pa.array(values)])
    for batch in pa.table({"x": column}).to_batches(max_chunksize=rows_per_batch):
        sample.update(batch.column(0), draw(first_row, batch.num_rows, seed))
        first_row += batch.num_rows
    sample.settle()
    return sample


def held(sample):
    return list(zip(sample.values.tolist(), sample.priorities.tolist(), strict=True))


def test_few_distinct_keys_are_counted_exactly():
    count = counted([3, 1, 3], [1, 2])
    assert (count.count, count.exact) == (3, True)


def test_the_last_exact_count_is_one_below_the_number_of_kept_hashes():
    assert counted(np.arange(KEPT_HASHES - 1)).count == KEPT_HASHES - 1
    assert not counted(np.arange(KEPT_HASHES)).exact


@pytest.mark.parametrize("distinct", [5000, 1_000_000])
def test_many_distinct_keys_are_estimated_within_five_percent(distinct):
    count = counted(np.arange(distinct))
    assert not count.exact
    assert count.count == pytest.approx(distinct, rel=0.05)


def test_a_key_that_comes_again_is_not_counted_again():
    keys = np.arange(100_000)
    assert counted(keys, keys[::-1], keys[:777]).count == counted(keys).count


def test_a_merged_count_is_that_of_both_streams():
    one, other = counted(np.arange(60_000)), counted(np.arange(40_000, 100_000))
    one.update(other.hashes)
    assert one.count == counted(np.arange(100_000)).count


def test_the_hash_tells_all_keys_apart():
    assert len(np.unique(mix(np.arange(1_000_000, dtype=np.uint64)))) == 1_000_000


def test_whole_numbers_beyond_the_precision_of_floats_are_told_apart():
    assert len(set(bits(np.array([2**53, 2**53 + 1, -1])))) == 3
    assert len(set(bits(np.array([2**64 - 1, 2**64 - 2], np.uint64)))) == 2


def test_minus_zero_is_zero():
    assert len(set(bits(np.array([0.0, -0.0])))) == 1


def test_a_float_is_the_same_in_single_and_double_precision():
    assert bits(np.array([0.5], np.float32)) == bits(np.array([0.5]))


def test_the_priority_of_a_row_depends_on_its_number_and_the_seed_alone():
    whole = draw(0, 10, 7).priorities
    assert (draw(4, 6, 7).priorities == whole[4:]).all()
    assert not (draw(0, 10, 8).priorities == whole).any()


def test_a_sample_of_few_values_is_all_of_them_in_order():
    assert sampled([3.0, 1.0, None, float("nan"), 2.0], 10).values.tolist() == [1, 2, 3]


def test_a_sample_is_of_the_rows_of_smallest_priority():
    order = np.argsort(draw(0, 1000, 5).priorities)
    sample = sampled(np.arange(1000.0), 20, seed=5)
    assert sample.values.tolist() == sorted(order[:20].tolist())


@pytest.mark.parametrize("rows_per_batch", [1, 7, 999, 5000])
def test_a_sample_does_not_depend_on_how_the_rows_are_cut(rows_per_batch):
    values = [None if n % 5 == 0 else float(n * n % 997) for n in range(5000)]
    assert held(sampled(values, 100, rows_per_batch)) == held(sampled(values, 100))


def test_a_sample_of_a_million_values_is_within_one_percent_of_rank():
    values = np.arange(1_000_000.0)
    sample = sampled(values, 65_536, 100_000).values
    assert len(sample) == 65_536
    shares = np.arange(len(sample)) / len(sample)
    assert np.abs(sample / 1_000_000 - shares).max() < 0.01


def test_merged_samples_of_parts_are_the_sample_of_the_whole():
    values = np.sin(np.arange(3000))
    whole = sampled(values, 100)
    first = sampled(values[:50], 100)
    last, middle = sampled(values[2000:], 100, None, 2000), sampled(values[50:2000], 100, 9, 50)
    for part in (last, middle):
        first.merge(part)
    assert held(first) == held(whole)


def test_samples_of_different_tables_merge_in_any_order():
    """Without a manifest the rows of all tables have the same priorities."""
    tables = [np.arange(501.0) + 1000 * table for table in range(3)]

    def merged(order):
        samples = [sampled(tables[table], 99) for table in order]
        for other in samples[1:]:
            samples[0].merge(other)
        return held(samples[0])

    assert merged([0, 1, 2]) == merged([2, 0, 1])
    # All three of the last priority are kept.
    assert len(merged([0, 1, 2])) == 99
    assert len(merged([0, 1])) == 100


def test_samples_of_two_sizes_merge_into_one_of_the_smaller():
    values = np.arange(1000.0)
    for first, second in ((50, 100), (100, 50)):
        one, other = sampled(values[:500], first), sampled(values[500:], second, None, 500)
        one.merge(other)
        assert held(one) == held(sampled(values, 50))
