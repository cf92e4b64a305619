"""Extend the hypotheses of a beam search by one symbol."""

import numpy as np

from numrnn.kernels.cpu.processor import DEFAULT, set_mode
from numrnn.kernels.jit import njit


@njit
def _log_sum_exp(row):  # (K,) -> float64
    largest, total = np.float64(row[0]), 0.0
    for value in row:
        largest = max(largest, np.float64(value))
    for value in row:
        total += np.exp(np.float64(value) - largest)
    return largest + np.log(total)


@njit
def extend(logits, scores, first, widths, parents_out, symbols_out, scores_out, counts_out):
    """Find the widths[i] best continuations of the hypotheses first[i] : first[i + 1] of each sequence i.

    `logits` (hypotheses, K) are the logits of the next symbol, `scores` (hypotheses,) float64 the log-probabilities so
    far. The results of sequence i begin at index sum(widths[:i]) of the output arrays, the best result first;
    counts_out[i] of them are valid. Each result continues the hypothesis in `parents_out` by the symbol in
    `symbols_out`. Of equal scores, the earlier hypothesis comes first, then the lower symbol.
    """
    mode, K, at = set_mode(DEFAULT), logits.shape[1], 0
    for i in range(widths.size):
        count = 0
        for parent in range(first[i], first[i + 1]):
            row = logits[parent]
            base = scores[parent] - _log_sum_exp(row)
            for symbol in range(K):
                score = base + np.float64(row[symbol])
                place = count
                while place > 0 and scores_out[at + place - 1] < score:
                    place -= 1
                if place == widths[i]:
                    continue
                count = min(count + 1, widths[i])
                for later in range(count - 1, place, -1):
                    scores_out[at + later] = scores_out[at + later - 1]
                    parents_out[at + later] = parents_out[at + later - 1]
                    symbols_out[at + later] = symbols_out[at + later - 1]
                scores_out[at + place], parents_out[at + place], symbols_out[at + place] = score, parent, symbol
        counts_out[i] = count
        at += widths[i]
    set_mode(mode)
