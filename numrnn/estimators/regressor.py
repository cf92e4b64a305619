"""Regression on sequences, or on each of their steps."""

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from numrnn.estimators.problem import Arguments, constraints_of, solver_makes_passes
from numrnn.estimators.supervised import BaseRNN
from numrnn.estimators.targets import flat_weights
from numrnn.io.messages import shown


class RNNRegressor(RegressorMixin, BaseRNN):
    r"""Recurrent neural network that predicts numbers for sequences, or for each of their steps.

    In each step t the network updates its state and may put out numbers,

    .. math:: s_t = a(U x_t + W s_{t-1} + b), \qquad h_t = V s_t + c,

    for the Elman cell; GRU and LSTM have gates. It is trained by back-propagation through time on the squared error,
    the mean over the K targets.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(64,)
        Units of each layer, from the inputs up.
    cell : {"elman", "gru", "lstm"}, default="elman"
        What a layer does in a step. GRU and LSTM remember longer and cost about three and four times as much.
    activation : {"tanh", "relu"}, default="tanh"
        Of the Elman cell; the others have their own.
    bidirectional : bool, default=False
        Each layer reads sequences from both ends, with a direction of H units for each; the layer above and the outputs
        read both side by side. Whole sequences are needed: `predict_step` and `bptt_steps` are refused.
    output : {"sequence", "step"}, default="sequence"
        One target for a sequence, read from the last step (of each direction, where there are two), or one for each
        step.
    pooling : {"last", "mean", "max"}, default="last"
        What the outputs are computed from with ``output="sequence"``: the last layer's state after the last step, or
        the mean or the maximum of its states over all steps, unit by unit.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        Makes X a list of texts (str, or lists of tokens), which become symbols by it: a copy of it is fitted on X.
        Unless it has ``unknown=False``, the copy has a symbol for characters or tokens that X lacks.
    n_symbols : int, "auto" or None, default=None
        Makes X symbols: 1-D arrays of integers from 0 to n_symbols - 1, read as one-hot vectors that are never made.
        "auto" counts up to the largest of X.
    embedding_size : int or None, default=None
        E, the length of a learned vector for each symbol, which the first layer reads in place of a one-hot vector.
    initial_state : {"zero", "learned"}, default="zero"
        What sequences begin with: zeros, or states that are learned, the same for all sequences, zeros at first and
        without L2 term. `fit` and `predict` may be given other states.
    dropout : float, default=0.0
        Probability with which a number is left out on its way up, from an embedding to the first layer, from layer to
        layer and to the outputs, in training only; the others are scaled up.
    recurrent_dropout : float, default=0.0
        Likewise for states on their way to the next step, which W reads; the same units in all steps of a sequence, or
        of a chunk of `bptt_steps`.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object, default="adam"
        An object, such as ``numrnn.solvers.Adam(beta_2=0.98)``, holds options of its own. "lbfgs" takes all of X at
        once; it ignores `batch_size`, `learning_rate`, `learning_rate_init`, `shuffle` and `clip_norm`.
    alpha : float, default=0.0
        Strength of the L2 term ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` of the objective; biases are left out.
    batch_size : int, default=32
        Sequences in a mini-batch; those of a mini-batch are of similar length.
    learning_rate_init : float, default=1e-3
        The first learning rate.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"} or callable, default="constant"
        How the learning rate changes from epoch to epoch, see `numrnn.training.resolve_schedule`. A function takes the
        number of the epoch, from 0, and returns a factor of `learning_rate_init`.
    max_iter : int, default=100
        Epochs: passes over X. Iterations for "lbfgs".
    shuffle : bool, default=True
        Whether to draw new mini-batches in each epoch.
    early_stopping : bool, default=False
        Whether to stop when the validation score no longer rises, and to restore the best weights. It is computed on
        `X_val`, `y_val` if `fit` gets them, else on a part of X, which is then not trained on.
    validation_fraction : float, default=0.1
        The part of X to hold out under `early_stopping`.
    tol : float, default=1e-4
        The least rise of the validation score that counts, under `early_stopping` only.
    n_iter_no_change : int, default=10
        Epochs without such a rise after which training stops, under `early_stopping` only.
    clip_norm : float or None, default=1.0
        Longer gradients, the L2 term included, are scaled to this Euclidean norm.
    bptt_steps : int or None, default=None
        Truncated BPTT: sequences are trained in chunks of so many steps, with an update after each. States are carried
        from chunk to chunk and start at zero with a sequence, gradients end at a chunk's first step. Memory is that of
        a chunk. With ``output="sequence"`` the last chunk of a sequence has its target.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the fit before.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the mini-batches, dropout and what is held out. The same int gives the same bits.
    dtype : {"float32", "float64"}, default="float32"
        Of weights and arithmetic; sums of losses are float64 in any case.
    device : {"cpu", "cuda"}, default="cpu"
        Where to compute. "cuda": on an NVIDIA GPU, which needs the extra ``numrnn[cuda]``; where there is none, that is
        an error. Either device goes on with what the other one has trained. `predict_step` computes on the CPU.
    n_jobs : int or None, default=None
        Threads. None means all cores that the process may use, but no more than the environment variables
        ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its processes, and one in joblib's threads
        and forks; -1 all cores. Small work gets fewer. Results do not depend on it.
    memory_limit : int, str or None, default=None
        Bytes that training may take beside the data, in this process: a number, or a text such as "512MB" or "2GiB".
        Where states of all steps take more, some are kept and the others made again, to the same bits: in a tenth of
        the memory in about 1.3 times the time. A limit that is too low is an error that says how much is needed.
        Bidirectional networks keep all states, so they are refused where these take more.
    verbose : bool or int, default=False
        True shows a progress bar where somebody watches, 2 in any case. The logger "numrnn" gets a line an epoch.
    callbacks : list of objects or None, default=None
        With any of the methods ``on_fit_begin(info)``, ``on_progress(info)`` and ``on_epoch_end(info)``, which end
        training by returning True, and ``on_fit_end(info)``; `info` is a `numrnn.training.FitInfo`.

    Attributes
    ----------
    n_features_in_ : int
        Inputs of a step, 1 for symbols; number of columns if `fit` got a 2-D X of numbers.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame or a list of data frames with names of type str.
    target_names_in_ : ndarray of shape (`n_outputs_`,)
        Names of the columns of y, if it was a data frame, or a list of them, with two or more that have names of type
        str. Later targets must have them in this order.
    n_inputs_ : int
        D, inputs of a step.
    vocabulary_ : Vocabulary or None
        The symbols of texts.
    n_outputs_ : int
        K, outputs of the network.
    n_iter_ : int
        Epochs trained, those before a `warm_start` or `partial_fit` included.
    loss_ : float
        The last of `loss_curve_`.
    loss_curve_ : list of float
        The objective in each epoch, a mean over its mini-batches, each before its update.
    validation_loss_curve_, validation_scores_ : list of float or None
        Loss (without the L2 term) and score of the sequences held out after each epoch, if there were any.
    weights_ : dict of str to ndarray
        Read-only views of all parameters by name.
    U_, W_, b_ : list of ndarray
        Input weights (G*H, D), feedback weights (G*H, H) and biases (G*H,) of each layer.
    V_, c_ : ndarray
        Output weights (K, H) and biases (K,).

    See Also
    --------
    RNNClassifier : For targets that are classes.
    numrnn.load : Reads what `save` wrote.

    Notes
    -----
    X is a list of (T_i, D) arrays, a `Sequences`, an array (N, T, D), or an array (N, T) of univariate sequences;
    results per step come in the form of X. One sequence is a list of one: ``predict([x])``. With a `vocabulary` X is
    a list of texts. Targets far from zero and one are learnt slowly: standardise them
    (`sklearn.compose.TransformedTargetRegressor`).

    References
    ----------
    - J. L. Elman: Finding structure in time. Cognitive Science 14, 1990.
    - K. Cho et al.: Learning phrase representations using RNN encoder-decoder. EMNLP 2014.
    - S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 9, size=200)]
    >>> y = [x[-1].sum() for x in X]
    >>> model = RNNRegressor((16,), learning_rate_init=0.01, random_state=0).fit(X[:150], y[:150])
    >>> model.score(X[150:], y[150:]) > 0.9
    True
    """

    _parameter_constraints = constraints_of("RNNRegressor")
    _learnt = (*BaseRNN._learnt, "_one_column")
    _class_weights = None
    _fewest_to_score = 2  # R2 has no value for one target

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes=(64,),
        *,
        cell="elman",
        activation="tanh",
        bidirectional=False,
        output="sequence",
        pooling="last",
        vocabulary=None,
        n_symbols=None,
        embedding_size=None,
        initial_state="zero",
        dropout=0.0,
        recurrent_dropout=0.0,
        solver="adam",
        alpha=0.0,
        batch_size=32,
        learning_rate_init=1e-3,
        learning_rate="constant",
        max_iter=100,
        shuffle=True,
        early_stopping=False,
        validation_fraction=0.1,
        tol=1e-4,
        n_iter_no_change=10,
        clip_norm=1.0,
        bptt_steps=None,
        warm_start=False,
        random_state=None,
        dtype="float32",
        device="cpu",
        n_jobs=None,
        memory_limit=None,
        verbose=False,
        callbacks=None,
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
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.clip_norm = clip_norm
        self.bptt_steps = bptt_steps
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
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, *, state=None):
        """Train for one epoch from the present weights; create them at the first call.

        Parameters
        ----------
        X, y, sample_weight, state : as in `fit`

        Returns
        -------
        self : RNNRegressor

        Examples
        --------
        >>> import numpy as np
        >>> from numrnn import RNNRegressor
        >>> X = np.random.default_rng(0).normal(size=(8, 5, 2))
        >>> model = RNNRegressor((4,), random_state=0)
        >>> for _ in range(3):
        ...     model = model.partial_fit(X, X.sum(axis=(1, 2)))
        >>> model.n_iter_
        3
        """
        return self._one_pass(Arguments(X, y, sample_weight, state, whole=False))

    def score(self, X, y, sample_weight=None, *, state=None):
        """Compute R2, the coefficient of determination, over all steps for ``output="step"``.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        state : as in `predict`

        Returns
        -------
        r2 : float
            At most 1; the mean over the targets where there are many.
        """
        outputs, _, data, _ = self._run(X, state=state)
        output = self._architecture.output
        weights = flat_weights(sample_weight, data, output, device=self.device)
        flat = self._flat(y, data)
        return float(r2_score(flat, self._decode_outputs(outputs), sample_weight=weights))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _learn_targets(self, flat, classes, data):
        self._one_column = flat.ndim == 1
        return "identity", 1 if flat.ndim == 1 else flat.shape[1]

    def _encode_targets(self, flat, name):
        if flat.dtype.kind not in "biuf":
            wrong = next((value for value in flat.flat if not isinstance(value, Real)), None)
            if wrong is not None:
                raise ValueError(f"{name} must hold numbers, got {shown(wrong)} ({type(wrong).__name__})")
        try:
            values = np.asarray(flat, dtype=np.float64)
        except OverflowError as error:
            raise ValueError(f"{name} must hold numbers that float64 can hold: {error}") from error
        if values.ndim != 2:
            values = values.reshape(len(values), -1)
        n_outputs = self._architecture.n_outputs
        if values.shape[1] != n_outputs:
            raise ValueError(f"{name} has {values.shape[1]} targets in each row, but fit got {n_outputs}")
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(values, dtype=self._architecture.dtype)
        if not np.isfinite(values).all():
            raise ValueError(f"Input {name} contains NaN, infinity or a value too large for {shown(values.dtype)}")
        return values

    def _learn_class_weights(self, values, weights, whole):
        """Regression has no classes to weigh."""

    def _strata(self, targets):
        return None

    def _members(self, data, targets):
        return None

    def _decode_outputs(self, outputs):
        # float64 as all of scikit-learn's regressors, which its checks demand; the values are the network's own.
        outputs = outputs.astype(np.float64)
        return outputs[:, 0] if self._one_column else outputs

    def _decode_output(self, largest, outputs):
        return np.float64(outputs[0, 0]) if self._one_column else self._decode_outputs(outputs)[0]

    def _score(self, outputs, targets):
        return float(r2_score(targets.values, outputs, sample_weight=targets.weights))
