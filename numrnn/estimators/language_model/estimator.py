"""A model of texts: which symbol follows."""

from sklearn.base import _fit_context
from sklearn.utils.metadata_routing import UNUSED

from numrnn.estimators.base import WeightsAccess
from numrnn.estimators.language_model.fitting import TextFitting
from numrnn.estimators.language_model.generation import TextGeneration
from numrnn.estimators.language_model.scoring import TextScores
from numrnn.estimators.problem import Arguments, constraints_of


class RNNLanguageModel(TextGeneration, TextScores, TextFitting, WeightsAccess):
    r"""Recurrent neural network that predicts the next symbol of a text, and writes texts.

    Each step reads one symbol, a character say, and puts out the probability of every symbol to be the next one. It is
    trained by truncated back-propagation through time on the cross-entropy: in chunks of `bptt_steps`, with an update
    after each, and the state carried from chunk to chunk.

    One long text is cut into `batch_size` streams of equal length, which are read side by side: an epoch is one pass
    over them, and memory does not depend on the length of the text but for its symbols, a byte a character where there
    are up to 256. Fewer than `batch_size` symbols are left over at the end. Of a list each text is read on its own,
    `batch_size` of them at a time, from its beginning to its end, both of which are learned (`boundaries`). States
    start at zero with a text, or a stream, in each epoch.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128,)
        Units of each layer, from the inputs up.
    cell : {"elman", "gru", "lstm"}, default="lstm"
        What a layer does in a step. GRU and LSTM remember longer and cost about three and four times as much.
    activation : {"tanh", "relu"}, default="tanh"
        Of the Elman cell; the others have their own.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        What texts become symbols by: a copy of it is fitted on X. None: ``Vocabulary()``, all characters of X.
        ``Vocabulary(unknown=True)`` has a symbol for characters that X lacks.
    boundaries : bool or "auto", default="auto"
        Whether to learn how texts begin and end. Then each text, one `str` included, is read from a symbol of its
        beginning to the same symbol as its end, `generate` starts from an empty prompt and stops at the end, and texts
        may have one symbol or none. "auto": for lists of texts, but not for one long text or integers.
    n_symbols : int or "auto", default="auto"
        Where X is integers: they go from 0 to n_symbols - 1. "auto" counts up to the largest of X.
    embedding_size : int or None, default=None
        E, the length of a learned vector for each symbol, which the first layer reads in place of a one-hot vector.
    initial_state : {"zero", "learned"}, default="zero"
        What sequences begin with: zeros, or states that are learned, the same for all sequences, zeros at first and
        without L2 term.
    dropout : float, default=0.0
        Probability with which a number is left out on its way up, from an embedding to the first layer, from layer to
        layer and to the outputs, in training only; the others are scaled up.
    recurrent_dropout : float, default=0.0
        Likewise for states on their way to the next step, which W reads; the same units in all steps of a sequence, or
        of a chunk of `bptt_steps`.
    solver : {"adam", "adamw", "sgd", "rmsprop"} or solver object, default="adam"
        An object, such as ``numrnn.solvers.Adam(beta_2=0.98)``, holds options of its own. L-BFGS is not offered.
    alpha : float, default=0.0
        Strength of the L2 term ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` of the objective; biases are left out.
    batch_size : int or "auto", default="auto"
        Streams that one text is cut into, or texts of a list in a mini-batch. "auto": 100, or fewer if X is short, so
        that an epoch has about a hundred updates: 100 streams of a text of a million symbols, 4 of 20,000.
    bptt_steps : int, "auto" or None, default="auto"
        Steps of a chunk; gradients end at its first step. None: whole texts, or streams. "auto": 100, or down to 25 for
        one text of less than 40,000 symbols.
    learning_rate_init : float, default=2e-3
        The first learning rate.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine"} or callable, default="constant"
        How the learning rate changes from epoch to epoch, see `numrnn.training.resolve_schedule`. A function takes the
        number of the epoch, from 0, and returns a factor of `learning_rate_init`.
    max_iter : int, default=10
        Epochs: passes over X.
    shuffle : bool, default=True
        Whether to draw new mini-batches in each epoch. One long text is always read in order.
    early_stopping : bool, default=False
        Whether to stop when the validation score no longer rises, and to restore the best weights. It is computed on
        `X_val` if `fit` gets it, else on a part of X, which is then not trained on: the end of one text, or some texts
        of a list.
    validation_fraction : float, default=0.1
        The part of X to hold out under `early_stopping`.
    tol : float, default=1e-4
        The least rise of the validation score that counts, under `early_stopping` only. The score is in nats.
    n_iter_no_change : int, default=10
        Epochs without such a rise after which training stops, under `early_stopping` only.
    clip_norm : float or None, default=5.0
        Longer gradients, the L2 term included, are scaled to this Euclidean norm.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, and the vocabulary, of the fit before.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the mini-batches, dropout and what is held out. The same int gives the same bits.
    dtype : {"float32", "float64"}, default="float32"
        Of weights and arithmetic; sums of losses are float64 in any case.
    device : {"cpu", "cuda"}, default="cpu"
        Where to compute. "cuda": on an NVIDIA GPU, which needs the extra ``numrnn[cuda]``; where there is none, that is
        an error. Either device goes on with what the other one has trained. `generate` and `stream` compute on the CPU.
    n_jobs : int or None, default=None
        Threads. None means all cores that the process may use, but no more than the environment variables
        ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its processes, and one in joblib's threads
        and forks; -1 all cores. Small work gets fewer. Results do not depend on it. Writing or scoring a text uses one
        thread.
    memory_limit : int, str or None, default=None
        Bytes that training may take beside the data, in this process: a number, or a text such as "512MB" or "2GiB".
        Where states of all steps take more, some are kept and the others made again, to the same bits: in a tenth of
        the memory in about 1.3 times the time. A limit that is too low is an error that says how much is needed. With
        `bptt_steps` training takes little more than a chunk, whatever the length of texts.
    verbose : bool or int, default=False
        True shows a progress bar where somebody watches, 2 in any case. The logger "numrnn" gets a line an epoch.
    callbacks : list of objects or None, default=None
        With any of the methods ``on_fit_begin(info)``, ``on_progress(info)`` and ``on_epoch_end(info)``, which end
        training by returning True, and ``on_fit_end(info)``; `info` is a `numrnn.training.FitInfo`.

    Attributes
    ----------
    vocabulary_ : Vocabulary or None
        Symbols of texts; None if X was integers.
    n_symbols_ : int
        Their number, without the symbol of boundaries.
    end_symbol_ : int or None
        The symbol that begins and ends texts, `n_symbols_`; None without boundaries.
    batch_size_ : int
    bptt_steps_ : int or None
        What the last fit read before each update: the parameters, or what "auto" stood for.
    n_iter_ : int
        Epochs trained, those before a `warm_start` or `partial_fit` included.
    loss_ : float
        The last of `loss_curve_`.
    loss_curve_ : list of float
        The objective in each epoch, in nats a symbol: a mean over its chunks, each before its update.
    validation_loss_curve_, validation_scores_ : list of float or None
        Cross-entropy of what was held out after each epoch, if anything was, and its negative.
    weights_ : dict of str to ndarray
        Read-only views of all parameters by name.
    U_, W_, b_ : list of ndarray
        Input weights (G*H, D), feedback weights (G*H, H) and biases (G*H,) of each layer.
    V_, c_ : ndarray
        Output weights (K, H) and biases (K,).

    See Also
    --------
    numrnn.data.Vocabulary : Texts as symbols.
    RNNClassifier : With ``output="step"``, other targets than the next symbol.

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

    Texts of a list begin and end:

    >>> names = ["anna", "otto", "ida", "jo"] * 100
    >>> model = RNNLanguageModel((32,), learning_rate_init=0.02, random_state=0).fit(names)
    >>> model.generate("", 20, random_state=0) in names
    True
    """

    _parameter_constraints = constraints_of("RNNLanguageModel")
    __metadata_request__fit = {"resume": UNUSED}  # no data, so nothing that meta-estimators hand on
    _learnt = ("n_symbols_", "vocabulary_", "end_symbol_")
    _fixed = {"output": "step", "pooling": "last", "bidirectional": False}  # a step's target is what follows it

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes=(128,),
        *,
        cell="lstm",
        activation="tanh",
        vocabulary=None,
        boundaries="auto",
        n_symbols="auto",
        embedding_size=None,
        initial_state="zero",
        dropout=0.0,
        recurrent_dropout=0.0,
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        bptt_steps="auto",
        learning_rate_init=2e-3,
        learning_rate="constant",
        max_iter=10,
        shuffle=True,
        early_stopping=False,
        validation_fraction=0.1,
        tol=1e-4,
        n_iter_no_change=10,
        clip_norm=5.0,
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
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, X_val=None, resume=None, comm=None):
        """Train on texts.

        Parameters
        ----------
        X : str, list of str, array of shape (T,) of integers, list of such arrays, array of shape (N, T), or Sequences
            A str or a 1-D array is one long text, the others are many. Integers are symbols. Memory maps of unsigned
            integers that are no wider than they must be are read where they lie. With ``device="cuda"`` arrays, and
            lists of them, may lie on the card.
        y : ignored
            The targets are in X.
        X_val : like X, optional
            Texts to watch: with ``early_stopping=True`` in place of a part of X, otherwise to record only.
        resume : str or path-like, optional
            Directory of checkpoints (`numrnn.training.Checkpoint`): training goes on from the newest that is whole, and
            ends with the bits of a fit that was never interrupted; it begins anew where there is none.
        comm : mpi4py.MPI.Intracomm, optional
            The processes that train together, each on a part of every mini-batch: all call `fit` with the same
            arguments and get the same network, bit for bit the one that a single process gets. None: one process.

        Returns
        -------
        self : RNNLanguageModel

        Raises
        ------
        ValueError, TypeError
            If a parameter or a text is invalid; the message names it, or what a checkpoint of
            another fit differs in.
        TrainingDivergedError
            If the loss or the gradient is no longer finite. The weights go back to before the last step that was
            finite, and the solver's state starts anew when training goes on.
        TrainingTerminated
            If SIGTERM or SIGUSR1 came, with a `Checkpoint` among `callbacks`: a `SystemExit`, with exit code 75.

        Warns
        -----
        UserWarning
            If all epochs together update the weights fewer than 300 times, or if Ctrl-C ended training: the weights are
            kept, and those of a `Checkpoint` can be resumed from.
        """
        return self._fit(Arguments(X, X_val=X_val), resume=resume, comm=comm)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Make one pass over texts, going on from the weights there are.

        Parameters
        ----------
        X : as in `fit`
            The first call learns the symbols, unless `initialize` did.
        y : ignored

        Returns
        -------
        self : RNNLanguageModel

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

    @_fit_context(prefer_skip_nested_validation=True)
    def initialize(self, X, y=None):
        """Learn the symbols of texts and create the parameters, without training.

        Parameters
        ----------
        X : as in `fit`
        y : ignored

        Returns
        -------
        self : RNNLanguageModel
            Ready for `partial_fit`, `set_weights`, `loss_and_grad` and `generate`.

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
