"""Define a base class for classifiers and regressors: convert X and y to a problem, and outputs to predictions."""

from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from numrnn.data.conversion import from_steps
from numrnn.data.sequences import Sequences
from numrnn.data.sources import (
    SequencesLike,
    Targets,
    TargetsLike,
    WeightsLike,
    check_names_of_targets,
    names_of_targets,
)
from numrnn.data.symbols.checks import count_symbols
from numrnn.data.validation import Inputs
from numrnn.estimators.base import WeightsAccess
from numrnn.estimators.doubts import warn_of_inputs
from numrnn.estimators.fitting import Fitting
from numrnn.estimators.held_out import Validation, chosen_split, sequence_weights, take
from numrnn.estimators.inputs import InputReader, check_same_vocabulary, learn_vocabulary
from numrnn.estimators.problem import Arguments, Problem, check_same, checks_parameters, n_threads
from numrnn.estimators.scoring import ValidationScores
from numrnn.estimators.streaming import StepState, check_first_states, is_plain_step, read_step
from numrnn.estimators.targets import after_washout, flat_targets, flat_weights, weigh_classes
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import Architecture
from numrnn.network.components import CELLS
from numrnn.training.objective import loss_and_gradient


class BaseRNN(ClassNamePrefixFeaturesOutMixin, TransformerMixin, WeightsAccess, Fitting):
    """Define a base class for classifiers and regressors; a subclass handles targets, output and score.

    A subclass defines `_learn_targets` (returns head and number of outputs for flat y), `_encode_targets` (returns
    targets for the loss), `_decode_outputs` (returns predictions), `_decode_output` (returns a single prediction),
    `_score` (compares outputs with encoded targets), `_learn_from_targets` (sets class weights or scale),
    `_for_network` (returns encoded targets in the dtype and units of the network), `_strata` (returns classes by which
    to stratify), `_members` (returns the classes that occur in each sequence), and `_fewest_to_score` (smallest number
    of validation sequences). It adds to `_learnt` the names of its own fitted attributes that a model file stores.
    """

    __metadata_request__fit = {"resume": UNUSED}  # not metadata, so meta-estimators do not pass it on
    _learnt = (
        "n_features_in_", "n_inputs_", "n_outputs_", "feature_names_in_", "target_names_in_", "vocabulary_",
        "_on_table",
    )  # fmt: skip

    @checks_parameters
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: WeightsLike | None = None,
        *,
        state: StepState | np.ndarray | None = None,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        sample_weight_val: WeightsLike | None = None,
        state_val: StepState | np.ndarray | None = None,
        groups: ArrayLike | None = None,
        resume: str | PathLike | None = None,
        comm: Any = None,
    ) -> Self:
        """Train on sequences and their targets.

        Parameters
        ----------
        X : list of (T_i, D) arrays, Sequences, array of shape (N, T, D), or array of shape (N, T)
            N sequences; a 2-D array holds univariate sequences of equal length. With `n_symbols`, integers in a list of
            (T_i,) arrays, in Sequences, or in an array of shape (N, T). With `vocabulary`, a list of str or of lists of
            tokens. With ``device="cuda"``, arrays and lists of arrays may be on the GPU.
        y : array-like of shape (N,) or (N, K); for ``output="step"``, one target per step in any form of X
            Targets.
        sample_weight : array-like of shape (N,), or one weight per step for ``output="step"``, optional
            Weights of the loss. A weight of 0 excludes a sequence or a step from the loss.
        state : StepState or array-like of shape (N, state_size), optional
            Initial states of all layers, concatenated. In an LSTM, the cell state of a layer follows its hidden state.
            None means zeros or, with ``initial_state="learned"``, learned states; in that case, other states are not
            allowed.
        X_val, y_val : like X and y, optional
            Validation data. With ``early_stopping=True`` they replace the held-out part of X; otherwise they are
            evaluated for the history only.
        sample_weight_val : like sample_weight, optional
            Weights of `X_val`.
        state_val : like state, optional
            Initial states of `X_val`; required if `state` is given.
        groups : array-like of shape (N,), optional
            Group of each sequence for the splitter in the parameter `validation`, such as its speaker if no speaker may
            be in both parts. With metadata routing, request it with ``set_fit_request(groups=True)``.
        resume : str or path-like, optional
            Directory of checkpoints, see `numrnn.training.Checkpoint`. Training resumes from the newest undamaged
            checkpoint, or starts from the beginning if there is none. The result is bitwise identical to that of an
            uninterrupted fit.
        comm : mpi4py.MPI.Intracomm, optional
            Communicator of processes that train together, each on a part of every mini-batch. All processes call `fit`
            with the same arguments and obtain the same network, bitwise identical to that of a single process. None
            means one process.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or a weight is invalid, or a checkpoint belongs to another fit. The message states the
            cause.
        TrainingDivergedError
            If the loss or the gradient is not finite. The weights are restored to those of the last finite update, and
            the solver's state is reset if training continues later.
        TrainingTerminated
            If SIGTERM or SIGUSR1 arrives and a `Checkpoint` is among the `callbacks`. It is a `SystemExit` with status
            75.

        Warns
        -----
        UserWarning
            If Ctrl-C ended training. The weights are kept, and with a `Checkpoint` training can be resumed.
        """
        watched = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val, "state_val": state_val}
        watched["groups"] = groups
        return self._fit(Arguments(X, y, sample_weight, state, **watched), resume=resume, comm=comm)

    def initialize(self, X: SequencesLike, y: TargetsLike) -> Self:
        """Initialise the weights for X and y, without training.

        Parameters
        ----------
        X, y : as in `fit`
            Data from which shapes, classes and names are learned.

        Returns
        -------
        self : estimator
            The estimator, ready for `loss_and_grad`, `set_weights`, `predict` and `partial_fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> model = RNNRegressor((4,), cell="elman").initialize(np.zeros((8, 5, 2)), np.zeros(8))
        >>> {name: values.shape for name, values in model.weights_.items()}
        {'layers.0.U': (4, 2), 'layers.0.W': (4, 4), 'layers.0.b': (4,), 'V': (1, 4), 'c': (1,)}
        """
        self._validate_params()
        return self._initialize(Arguments(X, y))

    def predict(
        self, X: SequencesLike, *, state: StepState | np.ndarray | None = None, return_state: bool = False
    ) -> Any:
        """Predict the targets of sequences.

        Parameters
        ----------
        X : as in `fit`
            Sequences.
        state : StepState or array-like of shape (N, state_size), optional
            Initial states; None means zeros or learned states. With the final states of another call, prediction
            continues where the sequences of that call ended.
        return_state : bool, default=False
            Whether to return the final states as well.

        Returns
        -------
        y : ndarray of shape (N,) or (N, K)
            Predictions. With ``output="step"``, the result has one prediction per step and the form of X: a list,
            `Sequences` or an array.
        state : StepState
            Final states; only with ``return_state=True``.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 50, 2))
        >>> model = RNNRegressor((4,), output="step", max_iter=2, random_state=0).fit(X, X.sum(axis=2))
        >>> first, state = model.predict(X[:, :30], return_state=True)
        >>> rest = model.predict(X[:, 30:], state=state)
        >>> bool((np.hstack([first, rest]) == model.predict(X)).all())
        True
        """
        outputs, states, data, form = self._run(X, state=state)
        return self._with_states(self._in_form(self._decode_outputs(outputs), data, form), states, return_state)

    def transform(self, X: SequencesLike, *, state: StepState | np.ndarray | None = None) -> np.ndarray:
        """Return the last layer's hidden state as features: the state at the last step, or pooled over all steps.

        Parameters
        ----------
        X : as in `fit`
            Sequences.
        state : as in `predict`
            Initial states.

        Returns
        -------
        features : ndarray of shape (N, H), or (N, 2H) for a bidirectional network
            Features in the order of `get_feature_names_out`; a data frame after ``set_output(transform="pandas")``. In
            a bidirectional network, the forward direction comes first; the final state of the reverse direction is its
            state at the first step.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
        >>> model = RNNRegressor((4,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
        >>> model.transform(X).shape
        (8, 4)
        >>> model.get_feature_names_out().tolist()
        ['rnnregressor0', 'rnnregressor1', 'rnnregressor2', 'rnnregressor3']
        """
        check_is_fitted(self)
        architecture = self._architecture
        if architecture.pooling != "last":
            features = architecture.features()
            theta = self._state.theta[: features.layout().size]
            return self._run(X, state=state, predictor=features.predictor(theta, self.device))[0]
        _, states, _, _ = self._run(X, state=state)
        last, kinds = architecture.hidden_layer_sizes[-1], len(CELLS[architecture.cell].states)
        states = states[:, -last * kinds * architecture.directions :]  # last layer: s (and cell) by direction
        return np.concatenate(np.split(states, architecture.directions * kinds, axis=1)[::kinds], axis=1)

    @property
    def _n_features_out(self):
        return self._architecture.hidden_layer_sizes[-1] * self._architecture.directions

    def predict_step(self, x: ArrayLike, state: StepState | None = None) -> tuple[Any, StepState]:
        """Read one more step of one or many streams, and predict.

        Parameters
        ----------
        x : array-like of shape (D,) or (n_streams, D); with symbols an int or array-like of shape (n_streams,)
            Next step of one stream or of many streams. With a vocabulary, a character or token, or a list with one of
            them per stream.
        state : StepState, optional
            State returned by the call for the previous step. None at the first step means zeros or learned states.

        Returns
        -------
        prediction : scalar or ndarray
            Prediction for the sequence up to this step, bitwise identical to that of `predict`; with ``output="step"``,
            the prediction for this step. For a single stream, the first axis is left out.
        state : StepState
            State for the next step.

        Raises
        ------
        ValueError
            If x or state is invalid, `pooling` is not "last", or the network is bidirectional and hence needs the end
            of the sequence.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
        >>> model = RNNRegressor((4,), max_iter=2, random_state=0).fit(X, X.sum(axis=(1, 2)))
        >>> state = None
        >>> for x_t in X[0]:
        ...     prediction, state = model.predict_step(x_t, state)
        >>> bool(prediction == model.predict(X[:1])[0])
        True
        """
        predictor = self._predictor("cpu")  # faster: one step takes less time than a launch on a GPU
        if is_plain_step(x, state, predictor):
            single, values = True, None if state is None else state.values
        else:
            x, values, single = read_step(x, state, predictor, self._reader(predictor.dtype))
        if single and self._architecture.n_symbols is None:
            prediction, values = predictor.step(x, values, self._decode_output)
            return prediction, StepState(values)
        data = Sequences(x, np.arange(len(x) + 1, dtype=np.int64))
        outputs, values = predictor.predict(data, values)
        predictions = self._decode_outputs(outputs)
        return predictions[0] if single else predictions, StepState(values)

    def loss_and_grad(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: WeightsLike | None = None,
        *,
        state: StepState | np.ndarray | None = None,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Compute the objective and its gradient at the current weights.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
            Data.
        state : as in `predict`
            Initial states.

        Returns
        -------
        loss : float
            Objective sum(w l) / sum(w), plus alpha/2 times the sum of the squares of all U, W and V. For each target, l
            is the loss and w is the product of sample weight and class weight.
        gradient : dict of str to ndarray
            Gradient, with the names and shapes of `weights_`.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
        >>> model = RNNRegressor((4,), random_state=0).initialize(X, X.sum(axis=(1, 2)))
        >>> loss, gradient = model.loss_and_grad(X, X.sum(axis=(1, 2)))
        >>> gradient["V"].shape
        (1, 4)
        """
        check_is_fitted(self)
        theta = self._state.theta
        data, _ = self._reader(theta.dtype).read(X)
        targets = self._targets(y, data, sample_weight)
        network = self._architecture.network(n_threads(self.n_jobs), self.memory_limit, device=self.device)
        given = check_first_states(state, len(data), network.state_size, network.dtype)
        return loss_and_gradient(network, theta, data, targets, self.alpha, given)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = self.vocabulary is not None
        tags.transformer_tags.preserves_dtype = []  # features have the network's dtype
        return tags

    def _learn(self, options, arguments, continues):
        X, n_symbols = arguments.X, options.n_symbols
        if options.embedding_size is not None and n_symbols is None and options.vocabulary is None:
            problem = f"={shown(options.embedding_size)}: must be None without n_symbols and vocabulary"
            raise InputError("embedding_size", (), f"{problem}, because only symbols are embedded")
        if continues:
            check_same_vocabulary(options.vocabulary, self.vocabulary_)
            known = self._architecture.n_symbols
            n_symbols = known if n_symbols == "auto" and known is not None else n_symbols
        else:
            self.vocabulary_ = learn_vocabulary(X, options.vocabulary, n_symbols)
        n_symbols = n_symbols if self.vocabulary_ is None else len(self.vocabulary_)
        reader = InputReader(options.kind, np.dtype(options.dtype), options.device, self.vocabulary_, n_symbols)
        data = self._read_or_learn(reader, X, continues)
        if not options.makes_passes and not data.in_memory:
            problem = "is in shards, but solver='lbfgs' takes all sequences at once"
            raise InputError("X", (), problem, "; pass X.load(), or choose another solver, such as 'adam'")
        n_symbols = n_symbols if n_symbols is None else count_symbols(data, n_symbols)
        if continues:
            head = self._architecture.head
        else:
            flat = flat_targets(arguments.y, data, options.output, device=options.device)
            self._keep_names("target_names_in_", names_of_targets(arguments.y, "y"))
            head, self.n_outputs_ = self._learn_targets(flat, arguments.classes, data)
        architecture = Architecture.of(
            options, n_inputs=self.n_inputs_, n_targets=self.n_outputs_, head=head, n_symbols=n_symbols
        )
        if continues:
            check_same(self._architecture, architecture)
        self._architecture = architecture
        weights = self._weights(arguments.sample_weight, data)
        values = self._encode_targets(self._flat(arguments.y, data), "y")
        self._learn_from_targets(values, weights, whole=arguments.whole, continues=continues)
        targets = self._weighed(values, weights)
        given = self._given_states(arguments.state, data)
        return Problem(architecture, data, targets, given, bptt_steps=options.bptt_steps)

    def _read_or_learn(self, reader, X, continues):
        if continues:
            return reader._replace(inputs=Inputs.of(reader.owner, vars(self))).read(X)[0]
        data, inputs = reader.learn(X)
        self._keep_inputs(inputs)
        return data

    def _reader(self, dtype):
        """Return a reader of X that uses the fitted attributes."""
        owner, n_symbols = type(self).__name__, self._architecture.n_symbols
        return InputReader(owner, dtype, self.device, self.vocabulary_, n_symbols, Inputs.of(owner, vars(self)))

    def _targets(self, y, data, sample_weight, suffix=""):
        """Return the encoded y as `Targets`; its weights are sample weight x class weight (None if all are equal)."""
        values = self._encode_targets(self._flat(y, data, "y" + suffix), "y" + suffix)
        return self._weighed(values, self._weights(sample_weight, data, suffix), suffix)

    def _weights(self, sample_weight, data, suffix=""):
        """Return the sample weight of each target, 0 in the steps of the washout; None if all weights are equal."""
        name, output = "sample_weight" + suffix, self._architecture.output
        weights = flat_weights(sample_weight, data, output, device=self.device, name=name)
        return weights if not self.washout else after_washout(weights, data, self.washout, suffix)

    def _weighed(self, values, weights, suffix=""):
        weights = weigh_classes(weights, self._class_weights, values, suffix)
        return Targets(self._for_network(values, "y" + suffix), weights)

    def _flat(self, y, data, name="y"):
        """Return y with one row per target (see `flat_targets`), after a check of its column names."""
        check_names_of_targets(y, vars(self).get("target_names_in_"), name)
        return flat_targets(y, data, self._architecture.output, device=self.device, name=name)

    def _given_states(self, state, data, name="state"):
        """Return the initial states for training, after checks; None if `state` is None."""
        if state is None:
            return None
        architecture = self._architecture
        if architecture.initial_state == "learned":
            problem = "must be None with initial_state='learned', which learns the initial state"
            raise InputError(name, (), f"{problem}; leave it out, or set initial_state='zero'")
        return check_first_states(state, len(data), architecture.state_size, np.dtype(architecture.dtype), name)

    def _hold_out(self, options, problem, arguments):
        data, targets, given, output = problem.data, problem.targets, problem.given, self._architecture.output
        X_val, y_val, state_val = arguments.X_val, arguments.y_val, arguments.state_val
        if (X_val is None) != (y_val is None) or (X_val is None and arguments.sample_weight_val is not None):
            problem = "and y_val must be given together, and sample_weight_val only with them"
            raise InputError("X_val", (), problem)
        if (state_val is None) != (given is None or X_val is None):
            problem = "must be given if both state and X_val are given, and only then"
            raise InputError("state_val", (), problem)
        held_given, scored, holds_out = None, None, options.holds_out(arguments)
        if X_val is not None:
            weights = arguments.sample_weight_val
            held_data, held_targets, held_given, scored = self._read_validation(X_val, y_val, weights, state_val)
            arrays = X_val, y_val, weights
        elif holds_out:
            y = arguments.y if output == "sequence" else None
            kept, held = chosen_split(
                *(options, len(data), self._state.seed, arguments.groups, y),
                codes=self._strata(targets),
                members=self._members(data, targets),
                weights=sequence_weights(targets, data, output),
                at_least=self._fewest_to_score,
            )
            held_data, held_targets = take(data, targets, held, output)
            arrays = (None if values is None else _safe_indexing(values, held) for values in arguments[:3])
            data, targets = take(data, targets, kept, output)
            if given is not None:
                given, held_given = given[kept], given[held]
        else:
            return self._lay_out(options, problem)
        network = self._architecture.network(options.threads, device=options.device)
        scores = ValidationScores(self, options.scorers, *arrays) if options.scorers else None
        validate = Validation(network, held_data, held_targets, self._score, held_given, scored, scores)
        problem = replace(problem, data=data, targets=targets, given=given, validate=validate)
        return self._lay_out(options, problem)

    def _warn_of(self, problem):
        held = None if problem.validate is None else problem.validate.held[0]
        warn_of_inputs(problem.data, held, stacklevel=5)

    def _read_validation(self, X_val, y_val, sample_weight_val=None, state_val=None):
        data, _ = self._reader(np.dtype(self.dtype)).read(X_val, "X_val")
        targets, scored = self._validation_targets(y_val, data, sample_weight_val)
        return data, targets, self._given_states(state_val, data, "state_val"), scored

    def _validation_targets(self, y, data, sample_weight):
        """Return the validation targets for the loss, and those for the score (None if they are the same)."""
        return self._targets(y, data, sample_weight, "_val"), None

    def _run(self, X, raw=False, state=None, predictor=None):
        """Return the outputs, the final states, X as sequences, and the form of X."""
        predictor = self._predictor() if predictor is None else predictor
        data, form = self._reader(predictor.dtype).read(X)
        threads = n_threads(self.n_jobs, at_most=predictor.useful_threads(data))
        before = check_first_states(state, len(data), predictor.state_shape[1], predictor.dtype)
        outputs, states = predictor.predict(data, before, raw, threads)
        return outputs, states, data, form

    def _with_states(self, results, states, return_state):
        return (results, StepState(states)) if return_state else results

    def _in_form(self, values, data, form):
        return values if self._architecture.output == "sequence" else from_steps(values, data.offsets, form)
