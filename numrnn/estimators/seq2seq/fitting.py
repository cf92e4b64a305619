"""Fit an encoder-decoder: learn from X and y, hold out pairs, and derive the decoder's inputs from y."""

from dataclasses import replace

import numpy as np
from sklearn.utils import _safe_indexing

from numrnn.data.sources import Targets
from numrnn.data.symbols.next_symbols import Pairs, shifted
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.validation import Inputs
from numrnn.estimators.fitting import Fitting
from numrnn.estimators.held_out import ValidationLoss, chosen_split
from numrnn.estimators.inputs import check_same_vocabulary
from numrnn.estimators.problem import Problem, check_same
from numrnn.estimators.scoring import ValidationScores
from numrnn.estimators.seq2seq.inputs import SourceReader, TargetReader
from numrnn.estimators.target_scale import TargetScale
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import Architecture, PairArchitecture


class PairFitting(Fitting):
    """Implement the steps of `fit` for `RNNSeq2Seq`."""

    def _learn(self, options, arguments, continues):
        X, y = arguments.X, arguments.y
        if continues:
            self._check_same_data(options)
            source_reader, target_reader = self._readers()
            source = source_reader.read(X)
            targets = target_reader.read(y, len(source))
        else:
            dtype, device = np.dtype(options.dtype), options.device
            reader = SourceReader(options.input, dtype, device, n_symbols=options.n_symbols)
            source, source_reader = reader.learn(X, options.vocabulary)
            known = options.target_vocabulary, len(source), options.scale_targets
            targets, target_reader = TargetReader(dtype, device).learn(y, *known)
            self._keep(source_reader, target_reader)
        architecture = _architecture_of(options, source_reader, target_reader)
        if continues:
            check_same(self._architecture, architecture)
        self._architecture = architecture
        self._learn_lengths(targets.lengths, continues)
        data = pairs_of(source, targets, target_reader)
        return Problem(architecture, data, targets_of(data))

    def _check_same_data(self, options):
        if options.input != self._input:
            found = f"={shown(options.input)}: must be {shown(self._input)} to continue training"
            raise InputError("input", (), found, "; pass the same parameters, or fit anew with warm_start=False")
        check_same_vocabulary(options.vocabulary, self.vocabulary_, default=Vocabulary())
        name = "target_vocabulary"
        check_same_vocabulary(options.target_vocabulary, self.target_vocabulary_, name, default=Vocabulary())
        if self.n_target_symbols_ is None:
            TargetScale(self.target_mean_, self.target_scale_).check_continues(options.scale_targets)

    def _keep(self, source, target):
        """Set the fitted attributes that describe X and y."""
        self._input, self.vocabulary_, self.n_symbols_ = source.kind, source.vocabulary, source.n_symbols
        self._keep_inputs(source.inputs)
        self._keep_names("target_names_in_", target.names)
        self.target_vocabulary_, self.n_target_symbols_ = target.vocabulary, target.n_symbols
        self.n_outputs_, self._one_column = target.n_outputs, target.one_column
        self.target_mean_, self.target_scale_ = target.scale

    def _readers(self):
        """Return readers of X and y that use the fitted attributes."""
        encoder, decoder, dtype = *self._architecture, np.dtype(self._architecture.dtype)
        inputs = Inputs.of("RNNSeq2Seq", vars(self))
        source = SourceReader(self._input, dtype, self.device, self.vocabulary_, encoder.n_symbols, inputs)
        n_symbols = None if decoder.n_symbols is None else decoder.n_symbols - 1
        names, scale = vars(self).get("target_names_in_"), TargetScale(self.target_mean_, self.target_scale_)
        known = n_symbols, decoder.n_outputs, self._one_column, names, scale
        return source, TargetReader(dtype, self.device, self.target_vocabulary_, *known)

    def _learn_lengths(self, lengths, continues):
        longest, shortest = int(lengths.max()), int(lengths.min())
        one_length = longest == shortest
        if continues:
            one_length = one_length and self._one_length and longest == self.longest_target_
            longest = max(longest, self.longest_target_)
        self.longest_target_, self._one_length = longest, one_length

    def _hold_out(self, options, problem, arguments):
        data, X_val, y_val = problem.data, arguments.X_val, arguments.y_val
        holds_out = options.holds_out(arguments)
        if (X_val is None) != (y_val is None):
            raise InputError("X_val", (), "and y_val must be given together; pass both or neither")
        if X_val is not None:
            held, arrays = self._read_validation(X_val, y_val), (X_val, y_val)
        elif holds_out:
            kept, held_ids = chosen_split(options, len(data), self._state.seed, arguments.groups)
            arrays = (_safe_indexing(values, held_ids) for values in (arguments.X, arguments.y))
            data, held = data.choose(kept), data.choose(held_ids)
        else:
            return self._lay_out(options, problem)
        network = self._architecture.network(options.threads, device=options.device)
        targets = targets_of(held)
        scores = ValidationScores(self, options.scorers, *arrays) if options.scorers else None
        validate = ValidationLoss(lambda theta: network.loss(theta, held, targets)[0], held, targets, scores=scores)
        return self._lay_out(options, replace(problem, data=data, targets=targets_of(data), validate=validate))

    def _read_validation(self, X_val, y_val):
        source_reader, target_reader = self._readers()
        source = source_reader.read(X_val, "X_val")
        return pairs_of(source, target_reader.read(y_val, len(source), "y_val"), target_reader)


def pairs_of(source, targets, reader):
    """Return sequences, which have been checked, as `Pairs` for training."""
    return Pairs(source, shifted(targets, reader.n_symbols))


def targets_of(data):
    """Return the targets of the decoder's steps."""
    return Targets(data.target.targets)


def _architecture_of(options, source, target):
    if options.embedding_size is not None and source.n_symbols is None and target.n_symbols is None:
        problem = f"={shown(options.embedding_size)}: must be None unless X or y holds symbols or strings"
        raise InputError("embedding_size", (), problem)
    encoder = Architecture.of(
        options, n_inputs=source.inputs.n_inputs, n_targets=0, head="identity", n_symbols=source.n_symbols
    )._replace(output="state")
    outputs = target.n_outputs
    if target.n_symbols is None:
        decoder = Architecture.of(options, n_inputs=outputs, n_targets=outputs, head="identity")
        return PairArchitecture(encoder, decoder._replace(embedding_size=None))
    decoder = Architecture.of(options, n_inputs=1, n_targets=outputs, head="softmax", n_symbols=outputs)
    return PairArchitecture(encoder if source.n_symbols is not None else encoder._replace(embedding_size=None), decoder)
