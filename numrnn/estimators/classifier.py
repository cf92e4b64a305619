"""Classify sequences, or each of their steps."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, DTypeLike
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if

from numrnn.data.sources import SequencesLike, Targets, TargetsLike, WeightsLike
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.problem import Arguments, checks_parameters, constraints_of, solver_makes_passes
from numrnn.estimators.streaming import StepState
from numrnn.estimators.supervised import BaseRNN
from numrnn.estimators.targets import (
    MISSING,
    class_weights,
    distinct,
    encode_indicators,
    encode_labels,
    learn_labels,
    warn_if_ambiguous,
    weigh_classes,
)
from numrnn.io.messages import InputError, short_errors, shown
from numrnn.solvers.base import Solver


class RNNClassifier(ClassifierMixin, BaseRNN):
    r"""Classify sequences, or each of their steps, with a recurrent neural network.

    At step t, an Elman network computes the hidden state and, from it, probabilities,

    .. math:: s_t = a(U x_t + W s_{t-1} + b), \qquad h_t = o(V s_t + c);

    GRU and LSTM cells add gates. The network is trained by back-propagation through time on the cross-entropy. If y
    holds one label per sequence or step, the output is a softmax over the classes. If y has K columns of zeros and ones
    (multi-label), the output is a sigmoid for each of the K labels.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(64,)
        Number of hidden units in each layer, starting with the layer that reads the inputs.
    cell : {"elman", "gru", "lstm"}, default="gru"
        Recurrent cell of all layers. A GRU or LSTM remembers longer than an Elman cell and takes about three or four
        times as long to train.
    activation : {"tanh", "relu"}, default="tanh"
        Activation of Elman cells; GRU and LSTM cells ignore it.
    bidirectional : bool, default=False
        Whether each layer has a second set of H units that reads the sequence in reverse. The next layer and the output
        read both directions, concatenated. Bidirectional networks need whole sequences: they support neither
        `predict_step` nor `bptt_steps`.
    output : {"sequence", "step"}, default="sequence"
        Whether there is one target per sequence, predicted after the last step of each direction, or one target per
        step.
    pooling : {"last", "mean", "max"}, default="last"
        Hidden states of the last layer that the output reads with ``output="sequence"``: those of the last step, or the
        mean or maximum of each unit over all steps.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        Vocabulary that converts X, a list of texts (str or lists of tokens), to symbols. `fit` fits a copy of the
        vocabulary on X. The copy reserves a symbol for characters or tokens that do not occur in X; ``unknown=False``
        prevents this.
    n_symbols : int, "auto" or None, default=None
        Number of symbols if X consists of symbols: 1-D arrays of integers from 0 to n_symbols - 1. They stand for
        one-hot vectors, which are never stored. "auto" means the largest integer in X plus one.
    embedding_size : int or None, default=None
        Length of the learned vector of each symbol. With None, the first layer reads one-hot vectors.
    initial_state : {"zero", "learned"}, default="zero"
        Hidden state before the first step: zero, or learned. A learned initial state is the same for all sequences. Its
        training starts at zero, and it has no L2 penalty. The argument `state` of `fit` and `predict` sets other
        initial states.
    dropout : float, default=0.0
        Probability with which training drops a unit: in the embedding, between layers and before the output. The units
        that are kept are scaled by 1 / (1 - dropout).
    recurrent_dropout : float, default=0.0
        Probability with which training drops a unit of the hidden state before the next step reads it. All steps of a
        sequence, or of a chunk of `bptt_steps` steps, drop the same units.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object, default="adam"
        Optimiser, by name or as an object with its own options, such as ``numrnn.solvers.Adam(beta_2=0.98)``. "lbfgs"
        uses all of X at once and ignores `batch_size`, `learning_rate`, `learning_rate_init`, `shuffle` and
        `clip_norm`.
    alpha : float, default=0.0
        Strength of the L2 penalty ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` in the objective. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        Number of sequences in a mini-batch; they have similar lengths. "auto" means a sixteenth of the training
        sequences, but at least 8 and at most 32. If sequences or classes have different weights, "auto" means 32.
    learning_rate_init : float, default=3e-3
        Initial learning rate.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"} or callable, default="constant"
        Schedule of the learning rate over epochs (see `numrnn.training.resolve_schedule`). A callable receives the
        number of the epoch, starting at 0, and returns a factor for `learning_rate_init`.
    max_iter : int, default=100
        Number of epochs, that is, passes over X. For "lbfgs", the number of iterations.
    shuffle : bool, default=True
        Whether to shuffle the sequences in each epoch.
    early_stopping : bool, default=False
        Whether to stop training when the value named by `monitor` stops improving, and to restore the best weights. The
        value is computed on `X_val` and `y_val` if they are passed to `fit`, and otherwise on a held-out part of X (see
        `validation`).
    monitor : str, default="loss"
        Name of the value by which `early_stopping`, `restore_best_weights` and ``learning_rate="adaptive"`` compare
        epochs: "loss" (the validation loss or, without validation data, the training loss), "score" (the result of the
        method `score` on validation data), or the name of a score in `scoring`.
    scoring : str, callable, list, dict or None, default=None
        Further scores of the validation data, computed after each epoch: a name of `numrnn.metrics.get_scorer_names` or
        `sklearn.metrics.get_scorer_names`, a callable ``scorer(estimator, X, y)`` (its score has the name "scorer"), a
        list of names, or a dict from name to scorer. With ``output="step"``, scikit-learn's scorers are computed over
        the steps of all sequences. Named scorers leave out the `washout`. `history_` stores the scores.
    restore_best_weights : bool or "auto", default="auto"
        Whether to end with the weights of the best epoch according to `monitor` instead of the last epoch. "auto" means
        the value of `early_stopping`. Without validation data, epochs are compared by their training loss.
    validation : {None, "last"} or splitter, default=None
        Sequences of X to hold out. None: with `early_stopping`, a part drawn at random; otherwise no sequences. "last":
        the last sequences in the order of X. A splitter of scikit-learn, such as ``GroupShuffleSplit(1)``: the test
        part of its first split, to which `fit` passes its argument `groups`. It must be None if `X_val` is passed.
    gap : int, default=0
        Number of sequences to leave out between the training part and the held-out part with ``validation="last"``. If
        sequences are overlapping windows of one series, a large enough gap ensures that no step is in both parts.
    validation_fraction : float, default=0.1
        Fraction of X to hold out. A splitter in `validation` does not use it. A part drawn at random is stratified by
        class.
    tol : float, default=1e-4
        Smallest improvement that counts for `early_stopping` and ``learning_rate="adaptive"``: a loss must be below
        best - tol \|best\|, a score must be above best + tol.
    n_iter_no_change : int, default=10
        Number of epochs without improvement after which `early_stopping` stops training.
    clip_norm : float or None, default=1.0
        Largest Euclidean norm of the gradient, including the L2 term. Larger gradients are scaled down to this norm.
    bptt_steps : int or None, default=None
        Number of steps in a chunk of truncated BPTT; None means whole sequences. The weights are updated after each
        chunk. Hidden states are carried from one chunk of a sequence to the next, but gradients are not. Memory is
        proportional to the length of a chunk. With ``output="sequence"``, the target belongs to the last chunk.
    washout : int, default=0
        Number of steps at the beginning of each sequence that the network reads, but that count neither in the loss nor
        in `score`, since the state still depends on its arbitrary initial value. It needs ``output="step"``.
        Predictions include these steps.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as a dict from label to weight. "balanced" makes the weights inversely
        proportional to the class frequencies in y (weighted by `sample_weight`). It must be None for multi-label y.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the shuffles, the dropout masks and the validation split. Fits with the same
        integer give bitwise identical models.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic. Sums of losses are always float64.
    device : {"cpu", "cuda"}, default="cpu"
        Device to compute on. "cuda" stands for an NVIDIA GPU and needs the extra ``numrnn[cuda]``; `fit` raises an
        error if there is no such GPU. A model or checkpoint from one device can be used on the other. `predict_step`
        always uses the CPU.
    n_jobs : int or None, default=None
        Largest number of threads. -1 means all cores available to the process. None means the same, limited by the
        environment variables ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its worker processes.
        In a worker thread or forked worker of joblib, None means one thread if ``NUMBA_NUM_THREADS`` is not set. Small
        tasks use fewer threads. Results do not depend on the number of threads.
    memory_limit : int, str or None, default=None
        Memory that training may use in this process in addition to the data: bytes, or a string such as "512MB" or
        "2GiB". If the hidden states of all steps need more memory, some of them are stored and the rest recomputed. The
        result is bitwise identical; with a tenth of the memory, training takes about 1.3 times as long. If the limit is
        too low, `fit` raises an error that states how much memory is needed. Bidirectional networks always store all
        hidden states; `fit` raises an error if these exceed the limit.
    verbose : bool or int, default=False
        Whether to show a progress bar: True shows it only in a terminal or notebook, 2 shows it always. The logger
        "numrnn" always receives one line per epoch.
    callbacks : list of objects or None, default=None
        Objects with at least one of the methods ``on_fit_begin``, ``on_progress``, ``on_epoch_end``, ``on_stop`` and
        ``on_fit_end``. Each method receives a `numrnn.training.FitInfo`. Training stops if ``on_progress`` or
        ``on_epoch_end`` returns True.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Class labels in sorted order; for multi-label y, the column numbers 0 to K - 1.
    n_features_in_ : int
        Number of columns of X if X was a 2-D array of numbers; otherwise equal to `n_inputs_`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of X; only if X was a data frame or a list of data frames and all column names are strings.
    target_names_in_ : ndarray of shape (`n_outputs_`,)
        Names of the columns of y; only if y was a data frame or a list of data frames with at least two columns and all
        column names are strings. Later targets must have the same columns in the same order.
    n_inputs_ : int
        Number of inputs per step, D. It is 1 for symbols, and for a 2-D array of numbers, whose rows are univariate
        sequences.
    vocabulary_ : Vocabulary or None
        Fitted vocabulary if X consists of texts, otherwise None.
    n_outputs_ : int
        Number of outputs of the network, K.
    n_iter_ : int
        Number of epochs trained, including the epochs of earlier calls whose training `warm_start` or `partial_fit`
        continued.
    loss_ : float
        Last value of `loss_curve_`.
    loss_curve_ : list of float
        Objective in each epoch: the mean over the mini-batches, each evaluated before its update of the weights.
    validation_loss_curve_, validation_scores_ : list of float or None
        Loss (without the L2 penalty) and score of the validation sequences after each epoch; None without validation
        data.
    history_ : dict of str to ndarray
        Arrays with one value per epoch; ``pandas.DataFrame(model.history_)`` makes a table of them. Keys: "epoch",
        "loss", "validation_loss", "validation_score" (NaN without validation data), "learning_rate", "gradient_norm",
        "seconds", "n_sequences" and the names of the scores in `scoring`.
    best_iter_ : int
        Number of the epoch with the best value of `monitor`, starting at 1.
    best_loss_, best_validation_score_ : float
        Loss and score of the validation data after epoch `best_iter_`. Without validation data, `best_loss_` is the
        training loss of that epoch, and `best_validation_score_` is None.
    weights_ : dict of str to ndarray
        Read-only views of all parameters by name.
    U_, W_, b_ : list of ndarray
        Input weights (G*H, D), recurrent weights (G*H, H) and biases (G*H,) of each layer.
    V_, c_ : ndarray
        Output weights (K, H) and biases (K,).

    See Also
    --------
    RNNRegressor : Predict numbers.
    numrnn.load : Load a saved estimator.

    Notes
    -----
    X is a list of (T_i, D) arrays, a `Sequences`, an array of shape (N, T, D), or an array of shape (N, T) of
    univariate sequences. Predictions per step are returned in the same form as X. A single sequence x is passed as a
    list: ``predict([x])``. With a `vocabulary`, X is a list of texts.

    References
    ----------
    - J. L. Elman: Finding structure in time. Cognitive Science 14, 1990.
    - K. Cho et al.: Learning phrase representations using RNN encoder-decoder. EMNLP 2014.
    - S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9, 1997.

    Examples
    --------
    >>> from numrnn import RNNClassifier
    >>> from numrnn.datasets import load_japanese_vowels
    >>> vowels = load_japanese_vowels()
    >>> model = RNNClassifier((32,), cell="gru", learning_rate_init=0.01, max_iter=20, random_state=0)
    >>> model.fit(vowels.X_train, vowels.y_train).score(vowels.X_test, vowels.y_test) > 0.9
    True
    >>> model.predict(vowels.X_test[:3])
    array([1, 1, 1])
    """

    _parameter_constraints = constraints_of("RNNClassifier")
    _learnt = (*BaseRNN._learnt, "classes_", "_class_weights")
    _fewest_to_score = 1

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        *,
        cell: Literal["elman", "gru", "lstm"] = "gru",
        activation: Literal["tanh", "relu"] = "tanh",
        bidirectional: bool = False,
        output: Literal["sequence", "step"] = "sequence",
        pooling: Literal["last", "mean", "max"] = "last",
        vocabulary: Vocabulary | None = None,
        n_symbols: int | Literal["auto"] | None = None,
        embedding_size: int | None = None,
        initial_state: Literal["zero", "learned"] = "zero",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        solver: str | Solver = "adam",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 3e-3,
        learning_rate: str | Callable[[int], float] = "constant",
        max_iter: int = 100,
        shuffle: bool = True,
        early_stopping: bool = False,
        monitor: str = "loss",
        scoring: str | Callable[..., float] | Sequence[str] | Mapping[str, str | Callable[..., float]] | None = None,
        restore_best_weights: bool | Literal["auto"] = "auto",
        validation: Any = None,
        gap: int = 0,
        validation_fraction: float = 0.1,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        clip_norm: float | None = 1.0,
        bptt_steps: int | None = None,
        washout: int = 0,
        class_weight: dict | Literal["balanced"] | None = None,
        warm_start: bool = False,
        random_state: int | RandomState | None = None,
        dtype: DTypeLike = "float32",
        device: Literal["cpu", "cuda"] = "cpu",
        n_jobs: int | None = None,
        memory_limit: int | str | None = None,
        verbose: bool | int = False,
        callbacks: Sequence[object] | None = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.cell = cell
        self.activation = activation
        self.bidirectional = bidirectional
        self.output = output
        self.pooling = pooling
        self.vocabulary = vocabulary
        self.n_symbols = n_symbols
        self.embedding_size = embedding_size
        self.initial_state = initial_state
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.monitor = monitor
        self.scoring = scoring
        self.restore_best_weights = restore_best_weights
        self.validation = validation
        self.gap = gap
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.clip_norm = clip_norm
        self.bptt_steps = bptt_steps
        self.washout = washout
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.dtype = dtype
        self.device = device
        self.n_jobs = n_jobs
        self.memory_limit = memory_limit
        self.verbose = verbose
        self.callbacks = callbacks

    # end of generated code

    @available_if(solver_makes_passes)
    @checks_parameters
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: WeightsLike | None = None,
        *,
        state: StepState | np.ndarray | None = None,
    ) -> Self:
        """Train for one epoch from the current weights; the first call initialises the weights.

        Parameters
        ----------
        X, y : as in `fit`
            Training data.
        classes : array-like, optional
            All labels that may occur in any call. Required in the first call, except for multi-label y.
        sample_weight : as in `fit`
            Weights of the loss.
        state : as in `fit`
            Initial states.

        Returns
        -------
        self : RNNClassifier
            The estimator itself.

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNClassifier
        >>> X, y = np.random.default_rng(0).normal(size=(8, 5, 2)), np.arange(8) % 2
        >>> model = RNNClassifier((4,), random_state=0)
        >>> for _ in range(3):
        ...     model = model.partial_fit(X, y, classes=[0, 1])
        >>> model.n_iter_
        3
        """
        if classes is not None and self.__sklearn_is_fitted__() and self._architecture.head == "softmax":
            if not np.array_equal(self.classes_, distinct(classes, "classes")):
                was = f"{shown(self.classes_)}, as on the first call to partial_fit; leave classes out"
                raise InputError("classes", (), f"={shown(classes)}: must be {was}")
        return self._one_pass(
            Arguments(X, y, sample_weight, state, classes=MISSING if classes is None else classes, whole=False)
        )

    def predict_proba(
        self, X: SequencesLike, *, state: StepState | np.ndarray | None = None, return_state: bool = False
    ) -> Any:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : as in `fit`
            Sequences.
        state, return_state : as in `predict`
            Initial states, and whether to return the final states.

        Returns
        -------
        p : ndarray of shape (N, K)
            Probability of each class, in the order of `classes_`, or of each label if y is multi-label. With
            ``output="step"``, the result has one row per step, in the form of X.
        state : StepState
            Final states; only with ``return_state=True``.
        """
        outputs, states, data, form = self._run(X, state=state)
        return self._with_states(self._in_form(outputs, data, form), states, return_state)

    def predict_log_proba(self, X: SequencesLike, *, state: StepState | np.ndarray | None = None) -> Any:
        """Predict log-probabilities, which stay finite even if a probability rounds to 0.

        Parameters
        ----------
        X : as in `fit`
            Sequences.
        state : as in `predict`
            Initial states.

        Returns
        -------
        log_p : ndarray of shape (N, K)
            Logarithm of the result of `predict_proba`, in the same form.
        """
        logits, _, data, form = self._run(X, raw=True, state=state)
        log_p = log_softmax(logits, axis=1) if self._architecture.head == "softmax" else log_expit(logits)
        return self._in_form(log_p, data, form)

    def score(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: WeightsLike | None = None,
        *,
        state: StepState | np.ndarray | None = None,
    ) -> float:
        """Compute the accuracy; with ``output="step"``, over the steps of all sequences.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
            Test data.
        state : as in `predict`
            Initial states.

        Returns
        -------
        accuracy : float
            Weighted fraction of correct predictions. A multi-label prediction is correct if all its labels are correct.
        """
        outputs, _, data, _ = self._run(X, state=state)
        weights, flat = self._weights(sample_weight, data), self._flat(y, data)
        with short_errors():
            return float(accuracy_score(flat, self._decode_outputs(outputs), sample_weight=weights))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _learn_targets(self, flat, classes, data):
        head, n_outputs, self.classes_ = learn_labels(flat, classes, data.offsets if self.output == "step" else None)
        if head == "sigmoid" and self.output == "sequence":
            warn_if_ambiguous(flat, data)
        return head, n_outputs

    def _encode_targets(self, flat, name):
        architecture = self._architecture
        if architecture.head == "sigmoid":
            return encode_indicators(flat, architecture.n_outputs, architecture.dtype, name)
        self._check_classes()
        return encode_labels(flat, self.classes_, name)

    def _validation_targets(self, y, data, sample_weight):
        if self._architecture.head == "sigmoid":
            return super()._validation_targets(y, data, sample_weight)
        flat, weights = self._flat(y, data, "y_val"), self._weights(sample_weight, data, "_val")
        codes = encode_labels(flat, self.classes_, "y_val", allow_unseen=True)
        unseen = codes < 0
        if unseen.all():
            encode_labels(flat, self.classes_, "y_val")  # raises the error about unseen labels
        if not unseen.any():
            return self._weighed(codes, weights, "_val"), None
        warnings.warn(
            f"y_val: {np.count_nonzero(unseen)} of {len(codes)} labels do not occur in y, for example "
            f"{shown(flat.ravel()[unseen].tolist()[0])}; they count as wrong answers in scores, and are "
            "left out of the loss",
            stacklevel=7,
        )
        known, weights = np.where(unseen, 0, codes), np.ones(len(codes)) if weights is None else weights
        products = weigh_classes(weights, self._class_weights, known, "_val")
        return Targets(known, np.where(unseen, 0.0, products)), Targets(codes, np.where(unseen, weights, products))

    def _for_network(self, values, name):
        return values

    def _learn_from_targets(self, values, weights, *, whole, continues):
        self._class_weights = None
        if self.class_weight is None:
            return
        if values.ndim == 2:
            problem = f"={shown(self.class_weight)}: must be None for multi-label y; weigh targets by sample_weight"
            raise InputError("class_weight", (), problem)
        if self.class_weight == "balanced" and not whole:
            expected = "='balanced': must be a dict of weights for partial_fit, which does not know all of y"
            raise InputError("class_weight", (), expected)
        self._class_weights = class_weights(self.class_weight, self.classes_, values, weights)

    def _strata(self, targets):
        one_label_each = self._architecture.output == "sequence" and targets.values.ndim == 1
        return targets.values if one_label_each else None

    def _members(self, data, targets):
        if targets.values.ndim > 1:
            return None
        if self._architecture.output == "sequence":
            return np.arange(len(data)), targets.values
        K = self._architecture.n_outputs
        steps = np.repeat(np.arange(len(data)), data.lengths)
        pairs = steps * K + targets.values
        return np.divmod(np.unique(pairs if targets.weights is None else pairs[targets.weights > 0]), K)

    def _decode_outputs(self, outputs):
        if self._architecture.head == "sigmoid":
            return (outputs > 0.5).astype(np.int64)
        self._check_classes()
        return self.classes_[outputs.argmax(axis=1)]

    def _decode_output(self, largest, outputs):
        if self._architecture.head == "sigmoid":
            return self._decode_outputs(outputs)[0]
        self._check_classes()
        return self.classes_[largest]

    def _check_classes(self):
        if len(self.classes_) != self._architecture.n_outputs:
            raise ValueError(
                f"classes_ holds {len(self.classes_)} labels, but the network has {self._architecture.n_outputs} "
                "outputs; restore classes_, or fit again"
            )

    def _score(self, outputs, targets):
        if targets.values.ndim == 2:
            right = ((outputs > 0.5) == targets.values).all(axis=1)
        else:
            right = outputs.argmax(axis=1) == targets.values
        return float(np.average(right, weights=targets.weights))
