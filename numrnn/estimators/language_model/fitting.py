"""Fit a language model: learn the symbols, hold out texts, cut a text into streams and choose their number."""

import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.data.symbols.checks import count_symbols
from numrnn.data.symbols.next_symbols import NextSymbols
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.fitting import Fitting
from numrnn.estimators.held_out import ValidationLoss, chosen_split
from numrnn.estimators.inputs import check_same_vocabulary, vocabulary_of
from numrnn.estimators.language_model.inputs import TextReader, check_same_boundaries, learn_boundaries
from numrnn.estimators.language_model.scoring import mean_cross_entropy
from numrnn.estimators.problem import Arguments, Problem, check_same
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import Architecture


class Texts(NamedTuple):
    """Hold texts as symbols; `is_one` marks a single text, which is still to be cut into streams."""

    sequences: Sequences
    is_one: bool


class TextFitting(Fitting):
    """Implement the steps of `fit` for `RNNLanguageModel`."""

    def _check_options(self, options):
        if not options.makes_passes:
            expected = "must be a mini-batch solver for a language model, such as 'adam'"
            raise InputError("solver", (), f"={shown(options.solver)}: {expected}")
        super()._check_options(options)
        if options.vocabulary is not None and options.vocabulary.last is not None:
            problem = f"={shown(options.vocabulary)}: must have last=None, because a language model reads whole texts"
            raise InputError("vocabulary", (), problem)

    def _learn(self, options, arguments, continues):
        X = arguments.X
        if continues:
            check_same_vocabulary(options.vocabulary, self.vocabulary_, default=Vocabulary())
            reader = self._reader()
            check_same_boundaries(options.boundaries, reader.boundaries)
        else:
            n_symbols = None if options.n_symbols == "auto" else options.n_symbols
            self.vocabulary_ = vocabulary_of(X, options.vocabulary, n_symbols=n_symbols)
            boundaries = learn_boundaries(X, options.boundaries)
            reader = TextReader(self.vocabulary_, options.n_symbols, boundaries, options.device)
        sequences, is_one = reader.read(X)
        if not continues:
            known, vocabulary = reader.n_symbols, self.vocabulary_
            self.n_symbols_ = count_symbols(sequences, known) if vocabulary is None else len(vocabulary)
            self.end_symbol_ = self.n_symbols_ if reader.boundaries else None
        n_symbols = self.n_symbols_ + reader.boundaries
        architecture = Architecture.of(options, n_inputs=1, n_targets=n_symbols, head="softmax", n_symbols=n_symbols)
        if continues:
            check_same(self._architecture, architecture)
        self._architecture = architecture
        return Problem(architecture, Texts(sequences, is_one and not reader.boundaries))

    def _hold_out(self, options, problem, arguments):
        holds_out = options.holds_out(arguments)
        if arguments.X_val is not None:
            held = self._read_validation(arguments.X_val)
            return replace(self._lay_out(options, problem), validate=self._watch(options, held))
        if not holds_out:
            return self._lay_out(options, problem)
        (sequences, is_one), fraction = problem.data, options.validation_fraction
        if not is_one:
            kept, held = chosen_split(options, len(sequences), self._state.seed, arguments.groups)
            data = self._reader().next_symbols(sequences)
            train, held = data.choose(kept), data.choose(held)
            return self._laid_out(options, problem, train, train.lengths, self._watch(options, held))
        if options.validation not in (None, "last") or options.gap:
            name = "gap" if options.gap else "validation"
            found = f"={shown(getattr(options, name))}: needs several texts, but X is one text, whose end is held out"
            raise InputError(name, (), found, "; leave it out, or pass a list of texts")
        symbols = sequences.values
        end = max(0, len(symbols) - max(2, round(fraction * len(symbols))))
        problem = self._in_streams(options, problem, symbols[:end], but=f" without its last {fraction:g}")
        held = NextSymbols(symbols, np.array([end]), np.array([len(symbols) - end - 1]))
        return replace(problem, validate=self._watch(options, held))

    def _read_validation(self, X_val):
        reader = self._reader()
        return reader.next_symbols(reader.read(X_val, name="X_val")[0], name="X_val")

    def _check_texts(self, X, X_val=None):
        """Raise the error that a fit to these texts with the learned symbols would raise, but without training."""
        problem = Problem(self._architecture, Texts(*self._reader().read(X)))
        self._hold_out(self._options(), problem, Arguments(X, X_val=X_val))

    def _lay_out(self, options, problem):
        sequences, is_one = problem.data
        if is_one:
            return self._in_streams(options, problem, sequences.values)
        data = self._reader().next_symbols(sequences)
        return self._laid_out(options, problem, data, data.lengths)

    def _in_streams(self, options, problem, symbols, *, but=""):
        lengths = np.array([max(0, len(symbols) - 1)])
        batch_size, _ = sizes = sizes_of(lengths, True, options.batch_size, options.bptt_steps)
        return self._sized(problem, NextSymbols.in_streams(symbols, batch_size, name="X", but=but), sizes)

    def _laid_out(self, options, problem, data, lengths, validate=None):
        sizes = sizes_of(lengths, False, options.batch_size, options.bptt_steps)
        return replace(self._sized(problem, data, sizes), validate=validate)

    def _sized(self, problem, data, sizes):
        """Return the problem with its data and sizes, and set the attributes `batch_size_` and `bptt_steps_`."""
        self.batch_size_, self.bptt_steps_ = sizes
        targets = Targets(data.targets)
        return replace(problem, data=data, targets=targets, batch_size=sizes[0], bptt_steps=sizes[1])

    def _warn_of(self, problem):
        sizes = problem.batch_size, problem.bptt_steps, self.max_iter
        warn_of_few_updates(problem.data.lengths, *sizes, self._state.n_updates, stacklevel=5)

    def _watch(self, options, held):
        threads = options.threads
        network = self._architecture.network(threads, device=options.device)

        def loss(theta):
            network.pack(theta)
            return mean_cross_entropy(network, held, threads)

        return ValidationLoss(loss, held)

    def _reader(self):
        """Return a reader of texts that uses the fitted attributes."""
        end, last = self.end_symbol_, self._architecture.n_symbols - 1
        if end is not None and end != last:
            raise ValueError(f"end_symbol_={shown(end)}: must be {last}, the last symbol of the network; fit again")
        return TextReader(self.vocabulary_, last if end is not None else last + 1, end is not None, self.device)


UPDATES = 100  # number of updates that "auto" sizes aim at for an epoch of short texts
LARGEST, SHORTEST = 100, 25  # with "auto": largest number of streams, texts or steps; smallest number of steps
FEWEST = 300  # number of updates below which a network has learned little


def sizes_of(lengths, is_one, batch_size, bptt_steps):
    """Return the number of streams or texts in a mini-batch and the number of steps in a chunk.

    Parameters
    ----------
    lengths : ndarray of shape (N,), int64
        Number of steps of each text.
    is_one : bool
        Whether a single text is cut into streams.
    batch_size : int or "auto"
    bptt_steps : int, None or "auto"
        Parameters of the estimator; "auto" values are derived from the lengths.
    """
    steps, count = bptt_steps, batch_size
    if is_one:
        count, steps = _of_streams((int(lengths[0]) + 1) // UPDATES, count, steps)
    else:
        steps = LARGEST if steps == "auto" else steps
        chunks = int(_chunks(lengths, steps).sum())
        count = min(LARGEST, max(1, chunks // UPDATES)) if count == "auto" else count
    return int(count), None if steps is None else int(steps)


def _of_streams(symbols, count, steps):
    """Return the number of streams and the number of steps in a chunk, given the number of symbols per update."""
    if steps == "auto":
        least = symbols // (4 if count == "auto" else int(count))
        steps = min(LARGEST, max(SHORTEST, least))
    if count == "auto":
        count = min(LARGEST, max(1, symbols // (LARGEST if steps is None else int(steps))))
    return count, steps


def _chunks(lengths, steps):
    return np.ones_like(lengths) if steps is None else -(-lengths // int(steps))


def warn_of_few_updates(lengths, batch_size, bptt_steps, max_iter, n_before, stacklevel):
    """Warn if the updates of a fit, together with `n_before` earlier ones, are too few."""
    longest = np.sort(lengths)[::-1][::batch_size]  # lengths of the longest text of each mini-batch
    each = int(_chunks(longest, bptt_steps).sum())
    total = n_before + each * int(max_iter)
    if total < FEWEST:
        warnings.warn(
            f"max_iter={max_iter}: with batch_size={batch_size} and bptt_steps={bptt_steps}, these texts make "
            f"{each} update{'' if each == 1 else 's'} of the weights per epoch, {total} in all, but a network learns "
            f"little from fewer than {FEWEST}; raise max_iter, pass longer texts, or set batch_size and bptt_steps "
            "to smaller values",
            stacklevel=stacklevel + 1,
        )
