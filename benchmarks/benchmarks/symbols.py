"""Measure speed and memory of classifiers of many short texts and of language models of one long text."""

import time
import tracemalloc

import numpy as np

from numrnn import RNNClassifier, RNNLanguageModel

from .common import values_of

CELLS = ["elman", "gru", "lstm"]
CHARACTERS = 82  # as many as War and Peace has
STREAMS = {"batch_size": 100, "bptt_steps": 100}  # the defaults for long texts


def synthetic_text(length, characters=CHARACTERS):
    """Return a text in which each character is followed by one of two others."""
    # One block again and again: what makes it must not be the peak of the memory.
    steps = np.random.default_rng(0).integers(1, 3, size=100_000, dtype=np.uint8).cumsum(dtype=np.uint32)
    block = (32 + steps % characters).astype(np.uint8).tobytes().decode("ascii")
    return block * (length // len(block)) + block[: length % len(block)]


def seconds(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


class LanguageModel:
    """Measure the characters per second of a pass over a text in streams, and of generating text."""

    params = values_of(CELLS)
    param_names = ["cell"]
    length, written = 200_000, 20_000

    def setup(self, cell):
        self.text = synthetic_text(self.length)
        params = {"cell": cell, "max_iter": 1, "n_jobs": 1, "random_state": 0}
        self.model = RNNLanguageModel((128,), **STREAMS, **params).fit(self.text[:20_000])
        self.model.generate("A", 10, random_state=0)

    def time_epoch(self, cell):
        self.model.partial_fit(self.text)

    def time_cross_entropy(self, cell):
        self.model.cross_entropy(self.text[: self.written])

    def track_epoch(self, cell):
        return self.length / seconds(lambda: self.model.partial_fit(self.text))

    def track_generation(self, cell):
        return self.written / seconds(lambda: self.model.generate("A", self.written, random_state=0))

    track_epoch.unit = track_generation.unit = "characters/s"


class Reviews:
    """Time the classification of texts of up to 200 words by an embedding, with its sparse gradient, and an LSTM."""

    params = values_of([(50,), (50, 50)])
    param_names = ["units"]

    def setup(self, units):
        random = np.random.default_rng(0)
        lengths = random.integers(50, 201, size=512)
        self.X = [random.zipf(1.3, size=length).clip(max=4999).astype(np.uint16) for length in lengths]
        self.y = np.arange(512) % 2
        self.model = RNNClassifier(
            units, cell="lstm", n_symbols=5000, embedding_size=32, dropout=0.2 * (len(units) > 1), batch_size=64,
            max_iter=1, random_state=0,
        ).fit(self.X, self.y)  # fmt: skip

    def time_epoch(self, units):
        self.model.partial_fit(self.X, self.y)

    def time_predict(self, units):
        self.model.predict(self.X)


class LongText:
    """Measure the memory that a language model takes in addition to the text.

    The network is small and the text has few characters, so that reading a long text takes little time.
    """

    params = values_of([3_000_000, 30_000_000])
    param_names = ["characters"]

    def setup(self, length):
        self.text = synthetic_text(length, 4)
        self.model = RNNLanguageModel((4,), cell="elman", max_iter=1, n_jobs=1, random_state=0, **STREAMS)
        self.model.fit(self.text[:20_000])

    def peakmem_fit(self, length):
        self.model.fit(self.text)

    def track_bytes_a_character(self, length):
        tracemalloc.start()
        try:
            self.model.fit(self.text)
            return tracemalloc.get_traced_memory()[1] / length
        finally:
            tracemalloc.stop()

    track_bytes_a_character.unit = "bytes/character"
