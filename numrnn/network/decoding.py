"""Decode sequences from the final states of an encoder: greedily, by beam search, or as vectors."""

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.kernels.cpu.beam_search import extend

SEQUENCES = 1024  # most sequences that are decoded together; more take memory and are not faster

# All functions decode groups of sequences together: one step of all sequences of a group at a time, without those that
# have ended. The result for a sequence depends on its state alone.


def write_greedily(network, states, *, end, max_length, threads=1):
    """Decode the most probable symbol in each step; ties go to the lower symbol.

    The network must read symbols and have its weights packed; `states` are (N, state_size). The symbol `end` is the
    first symbol that the decoder reads, and it ends a sequence. Returns a list of N arrays of at most `max_length`
    symbols, int64, without `end`.
    """
    written = []
    for first in range(0, len(states), SEQUENCES):
        state = states[first : first + SEQUENCES]
        texts = [[] for _ in state]
        ids, now = np.arange(len(state)), np.full(len(state), end)
        for _ in range(max_length):
            logits, state = network.write(_one_step(now, end), state, threads)
            now = logits.argmax(axis=1)
            going_on = now != end
            ids, now, state = ids[going_on], now[going_on], state[going_on]
            if not len(ids):
                break
            for i, symbol in zip(ids.tolist(), now.tolist(), strict=True):
                texts[i].append(symbol)
        written += [np.array(text, np.int64) for text in texts]
    return written


def write_by_beams(network, states, *, end, max_length, width, length_penalty, threads=1):
    """Decode by beam search (Sutskever et al. 2014); with width 1, the results are those of `write_greedily`.

    In each step the `width` most probable prefixes of a sequence are kept. A prefix that the symbol `end` completes
    reduces the width by one. Completed sequences are compared by log p / ((5 + n) / 6)^a, with a >= 0 the
    `length_penalty` and n the number of symbols including `end` (Wu et al. 2016, equation 14); if values are equal, the
    sequence found first is returned. If no prefix has ended within `max_length` symbols, the most probable prefix is
    returned.
    """
    written = []
    for first in range(0, len(states), SEQUENCES):
        beams = _Beams(states[first : first + SEQUENCES], end, width, length_penalty, max_length)
        while beams.going_on:
            logits, state = network.write(_one_step(beams.paths[:, -1], end), beams.state, threads)
            beams.extend(logits, state)
        written += beams.best
    return written


class _Beams:
    """Hold the hypotheses of a group of sequences; hypotheses of a sequence are adjacent, the most probable first."""

    def __init__(self, states, end, width, length_penalty, max_length):
        count = len(states)
        self.end, self.length_penalty, self.max_length = end, length_penalty, max_length
        self.state, self.scores = states, np.zeros(count)
        self.paths = np.full((count, 1), end, np.int64)  # each path begins with `end`
        self.ids = np.arange(count)  # sequences that have hypotheses left
        self.counts, self.widths = np.ones(count, np.int64), np.full(count, width)
        self.best, self.best_scores = [None] * count, np.full(count, -np.inf)

    @property
    def going_on(self):
        return len(self.ids) > 0

    def extend(self, logits, state):
        """Extend all hypotheses by one step; remove those that end, and sequences that are done."""
        widths = np.minimum(self.widths, self.counts * logits.shape[1])  # no more than there are continuations
        room = int(widths.sum())
        parents, symbols, scores = np.zeros(room, np.int64), np.zeros(room, np.int64), np.full(room, -np.inf)
        counts, first = np.zeros(len(self.ids), np.int64), np.concatenate([[0], np.cumsum(self.counts)])
        extend(logits, self.scores, first, widths, parents, symbols, scores, counts)
        owners = np.repeat(np.arange(len(self.ids)), widths)
        there = np.arange(room) - np.repeat(np.cumsum(widths) - widths, widths) < counts[owners]
        ended = there & (symbols == self.end)
        steps = self.paths.shape[1]
        for n in np.flatnonzero(ended):
            self._put_aside(self.ids[owners[n]], self.paths[parents[n], 1:], self._penalised(scores[n], steps))
        self.widths = self.widths - np.bincount(owners[ended], minlength=len(self.ids))
        kept = there & ~ended
        if steps > self.max_length:
            self._cut(first)
            kept[:] = False
        kept &= self._may_win(kept, owners, scores)[owners]
        paths = np.column_stack([self.paths[parents[kept]], symbols[kept]])
        self._keep(owners[kept], paths, scores[kept], state[parents[kept]])

    def _penalised(self, scores, steps):
        with np.errstate(over="ignore"):
            return scores / np.float64((5 + steps) / 6) ** self.length_penalty

    def _put_aside(self, i, path, score):
        if score > self.best_scores[i]:
            self.best[i], self.best_scores[i] = path, score

    def _cut(self, first):
        """Take the most probable hypothesis of each sequence that has no completed hypothesis."""
        for i, row in zip(self.ids, first[:-1], strict=True):
            if self.best[i] is None:
                self.best[i] = self.paths[row, 1:]

    def _may_win(self, kept, owners, scores):
        """Return, for each sequence, whether a hypothesis can still become better than the best completed hypothesis.

        Probabilities only decrease with further steps, and the mildest penalty is that of the longest sequence.
        """
        most = np.full(len(self.ids), -np.inf)
        np.maximum.at(most, owners[kept], scores[kept])
        return self._penalised(most, self.max_length + 1) > self.best_scores[self.ids]

    def _keep(self, owners, paths, scores, state):
        counts = np.bincount(owners, minlength=len(self.ids))
        left = counts > 0
        self.ids, self.counts, self.widths = self.ids[left], counts[left], self.widths[left]
        self.paths, self.scores, self.state = paths, scores, state


def write_vectors(network, states, lengths, threads=1):
    """Decode N sequences of vectors (L_i, K); the decoder reads zeros first, and then its own last output in each step.

    The network must have its weights packed; `states` are (N, state_size), and `lengths` (N,) are at least 1.
    """
    written = [np.empty((length, network.decoder.layout.n_outputs), network.dtype) for length in lengths]
    for first in range(0, len(states), SEQUENCES):
        state = states[first : first + SEQUENCES]
        ids, now = np.arange(len(state)), np.zeros((len(state), network.decoder.layout.n_inputs), network.dtype)
        for t in range(int(lengths[first : first + SEQUENCES].max())):
            left = lengths[first + ids] > t
            ids, now, state = ids[left], now[left], state[left]
            now, state = network.write(_one_step(now), state, threads)
            for i, row in zip(first + ids, now, strict=True):
                written[i][t] = row
    return written


def _one_step(values, end=None):
    """Return sequences of one step each."""
    values = values if end is None else values.astype(np.min_scalar_type(end))
    return Sequences._from_known(values, np.arange(len(values) + 1, dtype=np.int64))
