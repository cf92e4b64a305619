"""Test mini-batches: each sequence once, similar lengths in each, tiles in order of falling length."""

import numpy as np
import pytest

from numrnn.data.batches import Rows, epoch_batches, full_batch, in_chunks, with_restarts

TILE = 8


def lengths_of(n, seed=0):
    return np.random.default_rng(seed).integers(1, 200, n)


def draw(lengths, size, shuffle=True, seed=1):
    return epoch_batches(lengths, size, shuffle=shuffle, generator=np.random.default_rng(seed), tile_rows=TILE)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("n", "size"), [(1, 32), (32, 32), (33, 32), (100, 7), (100, 1), (250, 64), (5, 100)])
def test_each_sequence_is_in_one_batch_and_one_batch_may_be_short(n, size, shuffle):
    batches = draw(lengths_of(n), size, shuffle)
    assert sorted(np.concatenate([batch.ids for batch in batches])) == list(range(n))
    sizes = sorted(len(batch.ids) for batch in batches)
    assert sizes[1:] == [size] * (len(sizes) - 1)
    assert 0 < sizes[0] <= size
    assert all(batch.ids.dtype == np.int64 for batch in batches)


def test_the_size_may_be_any_integer():
    lengths = lengths_of(300)
    for small, plain in zip(draw(lengths, np.uint8(4)), draw(lengths, 4), strict=True):
        np.testing.assert_array_equal(small.ids, plain.ids)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 100, 333])
def test_tiles_begin_with_their_longest_sequence(n):
    lengths = lengths_of(n)
    ids = full_batch(lengths, TILE).ids
    for start in range(0, n, TILE):
        assert (np.diff(lengths[ids[start : start + TILE]]) <= 0).all()


def test_sequences_of_equal_length_keep_their_order():
    assert full_batch(np.full(TILE, 3), TILE).ids.tolist() == list(range(TILE))


@pytest.mark.parametrize("n", [64, 128, 400])
def test_both_halves_of_the_tiles_weigh_about_the_same(n):
    lengths = lengths_of(n)
    steps = lengths[full_batch(lengths, TILE).ids].reshape(-1, TILE).sum(1)
    first, second = steps[: len(steps) // 2].sum(), steps[len(steps) // 2 :].sum()
    assert abs(first - second) <= steps.max()


def test_a_shuffled_batch_holds_neighbouring_lengths():
    lengths = lengths_of(300)
    octaves = [np.floor(2 * np.log2(lengths[batch.ids])) for batch in draw(lengths, 16)]
    octaves.sort(key=lambda bucket: (bucket.min(), bucket.max()))
    for shorter, longer in zip(octaves, octaves[1:], strict=False):
        assert shorter.max() <= longer.min()


def test_the_generator_alone_decides_about_the_shuffle():
    lengths = lengths_of(100)
    first, again, other = ([batch.ids.tolist() for batch in draw(lengths, 16, seed=seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [sorted(ids) for ids in first] != [sorted(ids) for ids in other]


def test_without_shuffle_batches_come_in_the_order_given():
    batches = draw(lengths_of(20), 6, shuffle=False)
    assert [sorted(batch.ids.tolist()) for batch in batches] == [
        list(range(start, min(start + 6, 20))) for start in range(0, 20, 6)
    ]


def test_sequences_begin_chunks_anew_at_the_rate_given_but_for_their_first():
    lengths = np.full(50, 400)
    chunks = in_chunks([full_batch(lengths, TILE)], lengths, 4, TILE)
    batches = with_restarts(chunks, 0.05, np.random.default_rng(0))
    assert not len(batches[0].restarts)
    shares = [len(batch.restarts) / len(batch.ids) for batch in batches[1:]]
    assert 0.04 < np.mean(shares) < 0.06
    assert all(np.isin(batch.restarts, batch.ids).all() for batch in batches)
    rows = Rows(batches[:3], lengths)
    anew = np.isin(np.arange(50), batches[1].restarts)[batches[1].ids]
    np.testing.assert_array_equal(rows.begins[:50], True)
    np.testing.assert_array_equal(rows.begins[50:100], anew)
