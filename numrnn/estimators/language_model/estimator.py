"""Model texts by predicting the next symbol."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, Self

from numpy.random import RandomState
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils.metadata_routing import UNUSED

from numrnn.data.sources import SequencesLike
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.base import WeightsAccess
from numrnn.estimators.language_model.fitting import TextFitting
from numrnn.estimators.language_model.generation import TextGeneration
from numrnn.estimators.language_model.scoring import TextScores
from numrnn.estimators.problem import Arguments, checks_parameters, constraints_of
from numrnn.solvers.base import Solver


class RNNLanguageModel(TextGeneration, TextScores, TextFitting, WeightsAccess):
    r"""Predict the next symbol of a text with a recurrent neural network, and generate texts.

    At each step, the network reads one symbol, such as a character, and outputs for every symbol the probability that
    it is the next one. The network is trained by truncated back-propagation through time on the cross-entropy: in
    chunks of `bptt_steps` steps, with an update after each chunk and the hidden state carried from chunk to chunk.

    A single text is cut into `batch_size` streams of equal length, which are read in parallel. An epoch is one pass
    over all streams. Apart from the text itself (one byte per symbol if there are up to 256 different ones), memory
    does not depend on its length. The symbols left over at the end of the text, fewer than `batch_size`, are not used.
    The texts of a list are read separately, `batch_size` at a time, each from its beginning to its end; with
    `boundaries`, the network also learns where texts begin and end. Each text or stream starts from the initial state
    in each epoch.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128,)
        Number of hidden units in each layer, starting with the layer that reads the inputs.
    cell : {"elman", "gru", "lstm"}, default="gru"
        Recurrent cell of all layers. A GRU or LSTM remembers longer than an Elman cell and takes about three or four
        times as long to train.
    activation : {"tanh", "relu"}, default="tanh"
        Activation of Elman cells; GRU and LSTM cells ignore it.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        Vocabulary that converts texts to symbols. `fit` fits a copy of the vocabulary on X. None stands for
        ``Vocabulary()``, whose symbols are all characters of X; ``Vocabulary(unknown=True)`` also reserves a symbol for
        characters that do not occur in X.
    boundaries : bool or "auto", default="auto"
        Whether to learn where texts begin and end. If True, each text (including a single `str`) is enclosed in
        boundary symbols, `generate` accepts an empty prompt and stops at the end of a text, and texts may be empty or
        have one symbol. "auto" means True for lists of texts, and False for a single text and for integers.
    n_symbols : int or "auto", default="auto"
        Number of symbols if X consists of integers from 0 to n_symbols - 1. "auto" means the largest integer in X plus
        one.
    embedding_size : int or None, default=None
        Length of the learned vector of each symbol. With None, the first layer reads one-hot vectors.
    initial_state : {"zero", "learned"}, default="zero"
        Hidden state before the first step: zero, or learned. A learned initial state is the same for all sequences. Its
        training starts at zero, and it has no L2 penalty.
    dropout : float, default=0.0
        Probability with which training drops a unit: in the embedding, between layers and before the output. The units
        that are kept are scaled by 1 / (1 - dropout).
    recurrent_dropout : float, default=0.0
        Probability with which training drops a unit of the hidden state before the next step reads it. All steps of a
        sequence, or of a chunk of `bptt_steps` steps, drop the same units.
    solver : {"adam", "adamw", "sgd", "rmsprop"} or solver object, default="adam"
        Optimiser, by name or as an object with its own options, such as ``numrnn.solvers.Adam(beta_2=0.98)``. L-BFGS is
        not supported.
    alpha : float, default=0.0
        Strength of the L2 penalty ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` in the objective. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        For a single text, number of streams into which it is cut; for a list of texts, number of texts in a mini-batch.
        "auto" means 100, or fewer if X is short, so that an epoch has about a hundred updates: for example, 100 streams
        for a text of a million symbols, and 4 streams for a text of 20,000 symbols.
    bptt_steps : int, "auto" or None, default="auto"
        Number of steps in a chunk of truncated BPTT; gradients do not flow from one chunk to the previous one. None
        means whole texts or streams. "auto" means 100 or, for a single text of fewer than 40,000 symbols, a smaller
        number that is at least 25.
    restart_rate : float, default=0.05
        Probability with which training resets the state of a stream (or text) to the initial state before a chunk. With
        0, training meets the initial state only where streams begin, so the network may not learn to predict well from
        the initial state.
    learning_rate_init : float, default=5e-3
        Initial learning rate.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"} or callable, default="constant"
        Schedule of the learning rate over epochs (see `numrnn.training.resolve_schedule`). A callable receives the
        number of the epoch, starting at 0, and returns a factor for `learning_rate_init`.
    max_iter : int, default=10
        Number of epochs, that is, passes over X.
    shuffle : bool, default=True
        Whether to shuffle the sequences in each epoch. A single text is always read in order.
    early_stopping : bool, default=False
        Whether to stop training when the validation loss stops improving, and to restore the best weights. The loss is
        computed on `X_val` if it is passed to `fit`, and otherwise on a held-out part of X: the end of a single text,
        or some texts of a list.
    restore_best_weights : bool or "auto", default="auto"
        Whether to end with the weights of the epoch with the lowest validation loss (or, without validation data,
        training loss) instead of the last epoch. "auto" means the value of `early_stopping`.
    validation : {None, "last"} or splitter, default=None
        Texts of X to hold out. None: with `early_stopping`, a part drawn at random; otherwise no texts. "last": the
        last texts. A splitter of scikit-learn: the test part of its first split. If X is a single text, its end is held
        out; a splitter is then not supported.
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
    clip_norm : float or None, default=5.0
        Largest Euclidean norm of the gradient, including the L2 term. Larger gradients are scaled down to this norm.
    warm_start : bool, default=False
        Whether `fit` continues from the weights and vocabulary of the previous fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the shuffles, the dropout masks and the validation split. Fits with the same
        integer give bitwise identical models.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic. Sums of losses are always float64.
    device : {"cpu", "cuda"}, default="cpu"
        Device to compute on. "cuda" stands for an NVIDIA GPU and needs the extra ``numrnn[cuda]``; `fit` raises an
        error if there is no such GPU. A model or checkpoint from one device can be used on the other. `generate` and
        `stream` always use the CPU.
    n_jobs : int or None, default=None
        Largest number of threads. -1 means all cores available to the process. None means the same, limited by the
        environment variables ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its worker processes.
        In a worker thread or forked worker of joblib, None means one thread if ``NUMBA_NUM_THREADS`` is not set. Small
        tasks use fewer threads. Results do not depend on the number of threads. Generating or scoring a single text
        uses one thread.
    memory_limit : int, str or None, default=None
        Memory that training may use in this process in addition to the data: bytes, or a string such as "512MB" or
        "2GiB". If the hidden states of all steps need more memory, some of them are stored and the rest recomputed. The
        result is bitwise identical; with a tenth of the memory, training takes about 1.3 times as long. If the limit is
        too low, `fit` raises an error that states how much memory is needed. With `bptt_steps`, training needs little
        more memory than the states of one chunk, independently of the length of the texts.
    verbose : bool or int, default=False
        Whether to show a progress bar: True shows it only in a terminal or notebook, 2 shows it always. The logger
        "numrnn" always receives one line per epoch.
    callbacks : list of objects or None, default=None
        Objects with at least one of the methods ``on_fit_begin``, ``on_progress``, ``on_epoch_end``, ``on_stop`` and
        ``on_fit_end``. Each method receives a `numrnn.training.FitInfo`. Training stops if ``on_progress`` or
        ``on_epoch_end`` returns True.

    Attributes
    ----------
    vocabulary_ : Vocabulary or None
        Fitted vocabulary; None if X consisted of integers.
    n_symbols_ : int
        Number of symbols, not counting the boundary symbol.
    end_symbol_ : int or None
        Boundary symbol, which encloses texts, equal to `n_symbols_`; None without boundaries.
    batch_size_ : int
        Number of streams or texts in a mini-batch in the last fit.
    bptt_steps_ : int or None
        Number of steps in a chunk in the last fit; None for whole texts or streams.
    n_iter_ : int
        Number of epochs trained, including the epochs of earlier calls whose training `warm_start` or `partial_fit`
        continued.
    loss_ : float
        Last value of `loss_curve_`.
    loss_curve_ : list of float
        Objective in each epoch, in nats per symbol: the mean over the chunks, each evaluated before its update of the
        weights.
    validation_loss_curve_, validation_scores_ : list of float or None
        Cross-entropy of the validation texts after each epoch, and its negative; None without validation texts.
    history_ : dict of str to ndarray
        Arrays with one value per epoch; ``pandas.DataFrame(model.history_)`` makes a table of them. Keys: "epoch",
        "loss", "validation_loss", "validation_score" (NaN without validation data), "learning_rate", "gradient_norm",
        "seconds" and "n_sequences".
    best_iter_ : int
        Number of the epoch with the lowest validation loss (or, without validation data, training loss), starting at 1.
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
    numrnn.data.Vocabulary : Convert texts to symbols.
    RNNClassifier : With ``output="step"``, predict targets other than the next symbol.

    References
    ----------
    Mikolov, Karafiat, Burget, Cernocky, Khudanpur: Recurrent neural network based language model. Interspeech 2010.

    Williams, Peng: An efficient gradient-based algorithm for on-line training of recurrent network trajectories. Neural
    Computation 2, 1990.

    Examples
    --------
    >>> from numrnn import RNNLanguageModel
    >>> text = "the rain in spain stays mainly in the plain. " * 100
    >>> model = RNNLanguageModel((32,), batch_size=10, bptt_steps=50, learning_rate_init=0.02, random_state=0)
    >>> model.fit(text).cross_entropy(text[:450]) < 0.3
    True
    >>> model.generate("the rain in ", 20, temperature=0)
    'spain stays mainly i'

    A model that is fitted on a list of texts learns where they begin and end:

    >>> names = ["anna", "otto", "ida", "jo"] * 100
    >>> model = RNNLanguageModel((32,), learning_rate_init=0.02, random_state=0).fit(names)
    >>> model.generate("", 20, random_state=0) in names
    True
    """

    _parameter_constraints = constraints_of("RNNLanguageModel")
    __metadata_request__fit = {"resume": UNUSED}  # not metadata, so meta-estimators do not pass it on
    _learnt = ("n_symbols_", "vocabulary_", "end_symbol_")
    # Values of parameters that this class does not have: it reads forwards and predicts a symbol at each step.
    _fixed = {
        "output": "step", "pooling": "last", "bidirectional": False, "washout": 0, "monitor": "loss", "scoring": None,
    }  # fmt: skip

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128,),
        *,
        cell: Literal["elman", "gru", "lstm"] = "gru",
        activation: Literal["tanh", "relu"] = "tanh",
        vocabulary: Vocabulary | None = None,
        boundaries: bool | Literal["auto"] = "auto",
        n_symbols: int | Literal["auto"] = "auto",
        embedding_size: int | None = None,
        initial_state: Literal["zero", "learned"] = "zero",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        solver: str | Solver = "adam",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        bptt_steps: int | Literal["auto"] | None = "auto",
        restart_rate: float = 0.05,
        learning_rate_init: float = 5e-3,
        learning_rate: str | Callable[[int], float] = "constant",
        max_iter: int = 10,
        shuffle: bool = True,
        early_stopping: bool = False,
        restore_best_weights: bool | Literal["auto"] = "auto",
        validation: Any = None,
        gap: int = 0,
        validation_fraction: float = 0.1,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        clip_norm: float | None = 5.0,
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
        self.vocabulary = vocabulary
        self.boundaries = boundaries
        self.n_symbols = n_symbols
        self.embedding_size = embedding_size
        self.initial_state = initial_state
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.bptt_steps = bptt_steps
        self.restart_rate = restart_rate
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
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
        X: str | SequencesLike,
        y: object = None,
        *,
        X_val: str | SequencesLike | None = None,
        groups: ArrayLike | None = None,
        resume: str | PathLike | None = None,
        comm: Any = None,
    ) -> Self:
        """Train on texts.

        Parameters
        ----------
        X : str, list of str, array of shape (T,) of integers, list of such arrays, array of shape (N, T), or Sequences
            A str or a 1-D array is a single text; other forms are lists of texts. Integers are symbols. A memory map is
            read in place if its dtype is the smallest unsigned integer type for the symbols. With ``device="cuda"``,
            arrays and lists of arrays may be on the GPU.
        y : None
            Ignored; the targets are in X.
        X_val : like X, optional
            Validation texts. With ``early_stopping=True`` they replace the held-out part of X; otherwise they are
            evaluated for the history only.
        groups : array-like of shape (N,), optional
            Group of each text of a list, such as its author, for the splitter in the parameter `validation`.
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
        self : RNNLanguageModel
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or a text is invalid, or a checkpoint belongs to another fit. The message states the cause.
        TrainingDivergedError
            If the loss or the gradient is not finite. The weights are restored to those of the last finite update, and
            the solver's state is reset if training continues later.
        TrainingTerminated
            If SIGTERM or SIGUSR1 arrives and a `Checkpoint` is among the `callbacks`. It is a `SystemExit` with status
            75.

        Warns
        -----
        UserWarning
            If all epochs together update the weights fewer than 300 times, or if Ctrl-C ended training. After Ctrl-C,
            the weights are kept, and with a `Checkpoint` training can be resumed.
        """
        return self._fit(Arguments(X, X_val=X_val, groups=groups), resume=resume, comm=comm)

    @checks_parameters
    def partial_fit(self, X: str | SequencesLike, y: object = None) -> Self:
        """Train for one epoch from the current weights.

        Parameters
        ----------
        X : as in `fit`
            Texts. The first call learns the symbols if `initialize` has not been called.
        y : None
            Ignored.

        Returns
        -------
        self : RNNLanguageModel
            The estimator itself.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> parts = ["never odd or even " * 20, "a man a plan a canal panama " * 20]
        >>> model = RNNLanguageModel((8,), batch_size=4, random_state=0).initialize("".join(parts))
        >>> for part in parts:
        ...     model = model.partial_fit(part)
        >>> model.n_iter_
        2
        """
        return self._one_pass(Arguments(X))

    @checks_parameters
    def initialize(self, X: str | SequencesLike, y: object = None) -> Self:
        """Learn the symbols of texts and initialise the weights, without training.

        Parameters
        ----------
        X : as in `fit`
            Texts.
        y : None
            Ignored.

        Returns
        -------
        self : RNNLanguageModel
            The estimator, ready for `partial_fit`, `set_weights`, `loss_and_grad` and `generate`.

        Examples
        --------
        >>> from numrnn import RNNLanguageModel
        >>> model = RNNLanguageModel((4,), cell="elman").initialize("banana")
        >>> {name: values.shape for name, values in model.weights_.items()}
        {'layers.0.U': (4, 3), 'layers.0.W': (4, 4), 'layers.0.b': (4,), 'V': (3, 4), 'c': (3,)}
        """
        return self._initialize(Arguments(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
