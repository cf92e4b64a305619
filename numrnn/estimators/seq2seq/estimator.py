"""Map sequences or vectors to sequences of another length."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Self

from numpy.random import RandomState
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if

from numrnn.data.sources import SequencesLike, TargetsLike
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.problem import Arguments, checks_parameters, constraints_of, solver_makes_passes
from numrnn.estimators.seq2seq.fitting import PairFitting
from numrnn.estimators.seq2seq.prediction import PairPrediction
from numrnn.solvers.base import Solver


class RNNSeq2Seq(PairPrediction, PairFitting):
    r"""Map sequences or vectors to sequences of another length with a recurrent encoder-decoder.

    The encoder, a stack of recurrent layers, reads the inputs. The final states of all its layers (for an LSTM, hidden
    and cell states) are the initial states of the decoder, a stack of the same sizes. The decoder predicts each target
    from the previous target: while training, from the true one (teacher forcing); in `predict`, from its own output. A
    boundary symbol precedes the first target and follows the last one; a predicted sequence ends where the decoder
    predicts the boundary symbol. For sequences of real vectors, zeros precede the first target, and `predict` needs the
    lengths of the predictions if the training targets have different lengths.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128,)
        Number of hidden units in each layer, starting with the layer that reads the inputs. The encoder and the decoder
        have the same sizes.
    cell : {"elman", "gru", "lstm"}, default="lstm"
        Recurrent cell of all layers. A GRU or LSTM remembers longer than an Elman cell and takes about three or four
        times as long to train.
    activation : {"tanh", "relu"}, default="tanh"
        Activation of Elman cells; GRU and LSTM cells ignore it.
    input : {"sequence", "vector"}, default="sequence"
        Kind of the items of X. With "vector", X has shape (N, D), and the encoder reads each row as a sequence of one
        step.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        Vocabulary that converts the texts of X to symbols. `fit` fits a copy of the vocabulary on X. None stands for
        ``Vocabulary()``, whose symbols are all characters of X. The copy reserves a symbol for characters or tokens
        that do not occur in X; ``unknown=False`` prevents this.
    target_vocabulary : numrnn.data.Vocabulary or None, default=None
        Vocabulary that converts the texts of y to symbols. Only with ``unknown=True`` does it reserve a symbol for
        characters that do not occur in y.
    n_symbols : int, "auto" or None, default=None
        Number of symbols if X consists of symbols, that is, integers from 0 to n_symbols - 1. "auto" means the largest
        integer in X plus one. With None, integers are treated as numbers. Integers in y are vectors if a sequence has
        shape (L_i, K); otherwise they are symbols.
    embedding_size : int or None, default=None
        Length of the learned vector of each symbol. With None, the first layer reads one-hot vectors. The symbols of y
        have embeddings of the same length.
    scale_targets : bool or "auto", default="auto"
        Whether the network learns standardised vectors, (y - `target_mean_`) / `target_scale_`. Predictions and scores
        are in the units of y. "auto" means True for vectors; symbols have no scale.
    dropout : float, default=0.0
        Probability with which training drops a unit: in the embedding, between layers and before the output. The units
        that are kept are scaled by 1 / (1 - dropout). States passed from the encoder to the decoder are not dropped.
    recurrent_dropout : float, default=0.0
        Probability with which training drops a unit of the hidden state before the next step reads it. All steps of a
        sequence drop the same units.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object, default="adam"
        Optimiser, by name or as an object with its own options, such as ``numrnn.solvers.Adam(beta_2=0.98)``. "lbfgs"
        uses all of X at once and ignores `batch_size`, `learning_rate`, `learning_rate_init`, `shuffle` and
        `clip_norm`.
    alpha : float, default=0.0
        Strength of the L2 penalty ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` in the objective. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        Number of pairs in a mini-batch; they have similar lengths. "auto" means a sixteenth of the training pairs, but
        at least 8 and at most 32.
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
        epochs: "loss" (the validation loss or, without validation data, the training loss), "score" (the negative
        validation loss), or the name of a score in `scoring`.
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
        Fraction of X to hold out. A splitter in `validation` does not use it.
    tol : float, default=1e-4
        Smallest improvement that counts for `early_stopping` and ``learning_rate="adaptive"``: a loss must be below
        best - tol \|best\|, a score must be above best + tol.
    n_iter_no_change : int, default=10
        Number of epochs without improvement after which `early_stopping` stops training.
    clip_norm : float or None, default=1.0
        Largest Euclidean norm of the gradient, including the L2 term. Larger gradients are scaled down to this norm.
    warm_start : bool, default=False
        Whether `fit` continues from the weights and vocabularies of the previous fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the shuffles, the dropout masks and the validation split. Fits with the same
        integer give bitwise identical models.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic. Sums of losses are always float64.
    device : {"cpu", "cuda"}, default="cpu"
        Device to compute on. "cuda" stands for an NVIDIA GPU and needs the extra ``numrnn[cuda]``; `fit` raises an
        error if there is no such GPU. A model or checkpoint from one device can be used on the other.
    n_jobs : int or None, default=None
        Largest number of threads. -1 means all cores available to the process. None means the same, limited by the
        environment variables ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its worker processes.
        In a worker thread or forked worker of joblib, None means one thread if ``NUMBA_NUM_THREADS`` is not set. Small
        tasks use fewer threads. Results do not depend on the number of threads.
    memory_limit : int, str or None, default=None
        Memory that training may use in this process in addition to the data: bytes, or a string such as "512MB" or
        "2GiB". If the hidden states of all steps need more memory, some of them are stored and the rest recomputed. The
        result is bitwise identical; with a tenth of the memory, training takes about 1.3 times as long. If the limit is
        too low, `fit` raises an error that states how much memory is needed. Encoder and decoder may each use half of
        the limit; the error refers to one half.
    verbose : bool or int, default=False
        Whether to show a progress bar: True shows it only in a terminal or notebook, 2 shows it always. The logger
        "numrnn" always receives one line per epoch.
    callbacks : list of objects or None, default=None
        Objects with at least one of the methods ``on_fit_begin``, ``on_progress``, ``on_epoch_end``, ``on_stop`` and
        ``on_fit_end``. Each method receives a `numrnn.training.FitInfo`. Training stops if ``on_progress`` or
        ``on_epoch_end`` returns True.

    Attributes
    ----------
    vocabulary_, target_vocabulary_ : Vocabulary or None
        Fitted vocabularies of X and of y; None if X or y, respectively, is not a list of texts.
    n_symbols_, n_target_symbols_ : int or None
        Numbers of symbols of X and of y, not counting the boundary symbol; None for numbers and vectors.
    target_mean_, target_scale_ : ndarray of shape (K,), float64, or None
        Mean and standard deviation of the vectors in y in the call of `fit`, `partial_fit` or `initialize` with which
        training began; the scale of constant targets is 1. None for symbols, and with ``scale_targets=False``.
    longest_target_ : int
        Length of the longest training target.
    n_features_in_ : int
        Number of inputs per step; 1 for symbols.
    target_names_in_ : ndarray of shape (`n_outputs_`,)
        Names of the columns of y; only if y was a list of data frames with at least two columns and all column names
        are strings.
    n_outputs_ : int
        Number of outputs of the decoder per step: ``n_target_symbols_ + 1``, or the number of columns of y.
    n_iter_ : int
        Number of epochs trained, including the epochs of earlier calls whose training `warm_start` or `partial_fit`
        continued.
    loss_ : float
        Last value of `loss_curve_`.
    loss_curve_ : list of float
        Objective in each epoch: the mean over the mini-batches, each evaluated before its update of the weights.
    validation_loss_curve_, validation_scores_ : list of float or None
        Loss of the validation pairs after each epoch, with teacher forcing, and the negative loss; None without
        validation pairs.
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
        Read-only views of all parameters by name: ``encoder.layers.0.U``, ..., ``decoder.V``, ``decoder.c``.

    See Also
    --------
    RNNClassifier, RNNRegressor : Predict one target per sequence or per step.
    RNNLanguageModel : Generate texts without inputs.

    References
    ----------
    - I. Sutskever, O. Vinyals, Q. V. Le: Sequence to sequence learning with neural networks. NeurIPS 2014.
    - K. Cho et al.: Learning phrase representations using RNN encoder-decoder. EMNLP 2014.
    - Y. Wu et al.: Google's neural machine translation system. arXiv:1609.08144, 2016.

    Examples
    --------
    >>> from numrnn import RNNSeq2Seq
    >>> names = "zero one two three four five six seven eight nine".split()
    >>> numbers = [f"{n}" for n in range(100)]
    >>> words = [" ".join(names[int(digit)] for digit in number) for number in numbers]
    >>> model = RNNSeq2Seq((32,), learning_rate_init=0.01, max_iter=60, random_state=0).fit(numbers, words)
    >>> model.predict(["42"])
    ['four two']
    """

    _parameter_constraints = constraints_of("RNNSeq2Seq")
    _learnt = (
        "n_features_in_", "n_inputs_", "n_outputs_", "feature_names_in_", "target_names_in_", "_on_table", "_input",
        "n_symbols_", "n_target_symbols_", "vocabulary_", "target_vocabulary_", "longest_target_", "_one_length",
        "_one_column", "target_mean_", "target_scale_",
    )  # fmt: skip
    __metadata_request__fit = {"resume": UNUSED}  # not metadata, so meta-estimators do not pass it on
    # Values of parameters that this class does not have: every step has a target, gradients flow to the first step, and
    # the decoder starts from the encoder's states.
    _fixed = {
        "output": "step", "bptt_steps": None, "pooling": "last", "initial_state": "zero", "bidirectional": False,
        "washout": 0, "restart_rate": 0.0,
    }  # fmt: skip

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128,),
        *,
        cell: Literal["elman", "gru", "lstm"] = "lstm",
        activation: Literal["tanh", "relu"] = "tanh",
        input: Literal["sequence", "vector"] = "sequence",
        vocabulary: Vocabulary | None = None,
        target_vocabulary: Vocabulary | None = None,
        n_symbols: int | Literal["auto"] | None = None,
        embedding_size: int | None = None,
        scale_targets: bool | Literal["auto"] = "auto",
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
        self.input = input
        self.vocabulary = vocabulary
        self.target_vocabulary = target_vocabulary
        self.n_symbols = n_symbols
        self.embedding_size = embedding_size
        self.scale_targets = scale_targets
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.dtype = dtype
        self.device = device
        self.n_jobs = n_jobs
        self.memory_limit = memory_limit
        self.verbose = verbose
        self.callbacks = callbacks

    # end of generated code

    @checks_parameters
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        *,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        groups: ArrayLike | None = None,
        resume: str | PathLike | None = None,
        comm: Any = None,
    ) -> Self:
        """Train on pairs of an input and a target sequence.

        Parameters
        ----------
        X : list of str; list of (T_i, D) or (T_i,) arrays, Sequences, array of shape (N, T, D) or (N, T)
            N texts, or N sequences in one of the forms that `RNNClassifier.fit` accepts; with `n_symbols`, sequences of
            symbols. With ``input="vector"``, an array of shape (N, D). With ``device="cuda"``, X and y may be arrays or
            lists of arrays on the GPU.
        y : list of str; list of (L_i,) arrays of integers; list of (L_i, K) or (L_i,) arrays of floats
            N texts, N sequences of symbols, or N sequences of real vectors, each with at least one step. `Sequences`
            and arrays of shape (N, L) or (N, L, K) are accepted as well.
        X_val, y_val : like X and y, optional
            Validation pairs. With ``early_stopping=True`` they replace the held-out part of X; otherwise they are
            evaluated for the history only.
        groups : array-like of shape (N,), optional
            Group of each pair, for the splitter in the parameter `validation`.
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
        self : RNNSeq2Seq
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter, X or y is invalid, or a checkpoint belongs to another fit. The message states the cause.
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
        return self._fit(Arguments(X, y, X_val=X_val, y_val=y_val, groups=groups), resume=resume, comm=comm)

    @available_if(solver_makes_passes)
    @checks_parameters
    def partial_fit(self, X: SequencesLike, y: TargetsLike) -> Self:
        """Train for one epoch from the current weights; the first call initialises the weights.

        Parameters
        ----------
        X, y : as in `fit`
            Pairs. The first call learns symbols, sizes and lengths if `initialize` has not been called.

        Returns
        -------
        self : RNNSeq2Seq
            The estimator itself.

        Examples
        --------
        >>> from numrnn import RNNSeq2Seq
        >>> model = RNNSeq2Seq((8,), random_state=0).initialize(["ab", "b"], ["ba", "b"])
        >>> model.partial_fit(["ab"], ["ba"]).partial_fit(["b"], ["b"]).n_iter_
        2
        """
        return self._one_pass(Arguments(X, y))

    @checks_parameters
    def initialize(self, X: SequencesLike, y: TargetsLike) -> Self:
        """Learn symbols, sizes and lengths, and initialise the weights, without training.

        Parameters
        ----------
        X, y : as in `fit`
            Pairs.

        Returns
        -------
        self : RNNSeq2Seq
            The estimator, ready for `partial_fit`, `set_weights`, `loss_and_grad` and `predict`.

        Examples
        --------
        >>> from numrnn import RNNSeq2Seq
        >>> model = RNNSeq2Seq((4,), cell="elman").initialize(["ab", "b"], ["ba", "b"])
        >>> {name: values.shape for name, values in model.weights_.items() if name.startswith("decoder")}
        {'decoder.layers.0.U': (4, 3), 'decoder.layers.0.W': (4, 4), 'decoder.layers.0.b': (4,),
         'decoder.V': (3, 4), 'decoder.c': (3,)}
        """
        return self._initialize(Arguments(X, y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags
