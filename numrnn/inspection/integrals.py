"""Compute integrals of gradients over the line from a baseline to the inputs, in halves where an output is steep."""

import warnings
from typing import NamedTuple

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.inspection.outputs import NUMBERS_AT_ONCE, Explained, groups

POINTS = 8  # most points on a part of a line
HALVINGS = 18  # most times that a line is halved: outputs can change within a thousandth of it, and have kinks
PARTS = 256  # of one length on a line; if more are steep, they are not halved again
TOLERANCE = 1e-5  # error of a part that is not halved, over the difference of outputs
INCOMPLETE = 1e-3  # error of the sum that causes a warning, over the difference of outputs
GRADIENTS = 1000  # epsilons by which a sum of gradients may be wrong, over the sum of their sizes
OUTPUTS = 16  # epsilons by which an output may be wrong


class Parts(NamedTuple):
    """Hold parts of lines: fractions of the way, and the outputs there; arrays of shape (P,)."""

    ids: np.ndarray  # number of the sequence
    begin: np.ndarray
    end: np.ndarray
    output_begin: np.ndarray
    output_end: np.ndarray

    def of(self, chosen):
        """Return some of the parts."""
        return Parts(*(values[chosen] for values in self))


class Line(NamedTuple):
    """Compute outputs and integrals of gradients between the baseline and each sequence."""

    explained: Explained
    data: Sequences
    baseline: np.ndarray

    def points(self, ids, fractions):
        """Return the sequences `ids` at fractions of the way from the baseline."""
        whole = self.data[ids]
        ways = np.repeat(fractions, whole.lengths)[:, None]
        between = self.baseline + ways * (whole.values.astype(np.float64) - self.baseline)
        return Sequences(between.astype(whole.values.dtype), whole.offsets)

    def outputs(self, ids, fractions):
        """Return the outputs at fractions of the way."""
        found = np.empty(len(ids))
        for some in self.groups(ids):
            found[some] = self.explained.of(ids[some]).values(self.points(ids[some], fractions[some]))
        return found

    def whole(self):
        """Return the whole lines as parts."""
        ids = np.arange(len(self.data))
        zero, one = np.zeros(len(ids)), np.ones(len(ids))
        return Parts(ids, zero, one, self.outputs(ids, zero), self.outputs(ids, one))

    def halves(self, parts):
        """Return both halves of each part."""
        middle = (parts.begin + parts.end) / 2
        output = self.outputs(parts.ids, middle)
        halves = (
            parts._replace(end=middle, output_end=output),
            parts._replace(begin=middle, output_begin=output),
        )
        return Parts(*map(np.concatenate, zip(*halves, strict=True)))

    def integrals(self, parts, n_points):
        """Return the integral of each part, times x - x', by the rule of Gauss and Legendre, as `Sequences`."""
        whole, own = self.data[parts.ids], self.explained.of(parts.ids)
        total, width = np.zeros(whole.values.shape), parts.end - parts.begin
        for node, weight in zip(*np.polynomial.legendre.leggauss(n_points), strict=True):
            total += weight / 2 * own.gradient(self.points(parts.ids, parts.begin + (node + 1) / 2 * width))
        total *= np.repeat(width, whole.lengths)[:, None] * (whole.values.astype(np.float64) - self.baseline)
        return Sequences(total, whole.offsets)

    def groups(self, ids):
        """Return the places of sequences that are computed together."""
        return groups(self.data.lengths[ids], NUMBERS_AT_ONCE // self.data.values.shape[1])


def integrated_gradients(explained, data, baseline, n_steps, stacklevel):
    """Return integrated gradients (steps, D), by `n_steps` points on the line and up to `POINTS` on each part of it.

    A part is halved if its integral is not the difference of the outputs at its ends. Warn if that did not help.
    """
    line, epsilon = Line(explained, data, baseline), np.finfo(data.values.dtype).eps
    results, whole = np.zeros(data.values.shape), line.whole()
    parts, allowed = whole, TOLERANCE * np.abs(whole.output_end - whole.output_begin)
    for halving in range(HALVINGS + 1):
        steep, last = [], (halving == HALVINGS) | (np.bincount(parts.ids)[parts.ids] > PARTS)
        for some in line.groups(parts.ids):
            group = parts.of(some)
            integrals = line.integrals(group, min(n_steps, POINTS) if halving else n_steps)
            inexact = (_errors(integrals, group, epsilon) > allowed[group.ids]) & ~last[some]
            for k in np.flatnonzero(~inexact):
                i = group.ids[k]
                results[data.offsets[i] : data.offsets[i + 1]] += integrals[k]
            steep.append(group.of(inexact))
        parts = Parts(*map(np.concatenate, zip(*steep, strict=True)))
        if not len(parts.ids):
            break
        parts = line.halves(parts)
    _warn_of_incomplete(Sequences(results, data.offsets), whole, epsilon, stacklevel + 1)
    return results


def _errors(integrals, parts, epsilon):
    """Return how far the sums of integrals are from the differences of outputs, beyond rounding."""
    values, first = integrals.values, integrals.offsets[:-1]
    sums, sizes = (np.add.reduceat(each.sum(axis=1), first) for each in (values, np.abs(values)))
    begin, end = parts.output_begin, parts.output_end
    rounding = epsilon * (GRADIENTS * sizes + OUTPUTS * np.maximum(np.abs(begin), np.abs(end)))
    return np.maximum(np.abs(sums - (end - begin)) - rounding, 0)


def _warn_of_incomplete(results, lines, epsilon, stacklevel):
    difference = lines.output_end - lines.output_begin
    errors = _errors(results, lines, epsilon)
    wrong = np.flatnonzero(~(errors <= INCOMPLETE * np.abs(difference)))  # also where one of them is not finite
    if len(wrong):
        i = wrong[errors[wrong].argmax()]
        warnings.warn(
            f"X[{i}]: its integrated gradients add up to {results[i].sum():.4g}, but the output differs by "
            f"{difference[i]:.4g} from that of the baseline ({len(wrong)} of {len(results)} sequences): the output "
            "is too steep; try another baseline or dtype='float64'",
            stacklevel=stacklevel + 1,
        )
