"""One step of a beam search: the best continuations of what has been written so far."""

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
    """The widths[i] best of all continuations of the hypotheses first[i] to first[i + 1] of a sequence, best first.

    logits (hypotheses, K), scores (hypotheses,) float64: log-probabilities so far. Results begin at places in the order
    of the sequences, sum of widths[:i], of which counts_out[i] are there: a continuation of hypothesis parents_out by
    symbols_out. Of equals, the one of the earlier hypothesis comes first, then the lower symbol.
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
