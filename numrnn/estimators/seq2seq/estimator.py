"""Sequences written from sequences, or from vectors."""

from sklearn.base import _fit_context
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if

from numrnn.estimators.problem import Arguments, constraints_of, solver_makes_passes
from numrnn.estimators.seq2seq.fitting import PairFitting
from numrnn.estimators.seq2seq.prediction import PairPrediction


class RNNSeq2Seq(PairPrediction, PairFitting):
    r"""Encoder-decoder: reads a sequence, or a vector, and writes a sequence of another length.

    The encoder, a stack of recurrent layers, reads the inputs. The states of all its layers after the last step are
    those of the decoder, a stack of the same sizes, before its first. The decoder predicts the target of each step from
    the target of the step before: in training from the true one (teacher forcing), in `predict` from what it wrote
    itself. What stands before the first target is a symbol of its own, which is also to be predicted after the last
    one: so the decoder says where a sequence ends. Real vectors begin with zeros, and do not end by themselves.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128,)
        Units of each layer, from the inputs up. The encoder and the decoder have the same sizes.
    cell : {"elman", "gru", "lstm"}, default="gru"
        What a layer does in a step. GRU and LSTM remember longer and cost about three and four times as much.
    activation : {"tanh", "relu"}, default="tanh"
        Of the Elman cell; the others have their own.
    input : {"sequence", "vector"}, default="sequence"
        What one item of X is. With "vector" X is a table of shape (N, D), and the encoder makes one step.
    vocabulary : numrnn.data.Vocabulary or None, default=None
        What texts in X become symbols by: a copy of it is fitted on X. None: ``Vocabulary()``, all characters of X.
        Unless it has ``unknown=False``, the copy has a symbol for characters or tokens that X lacks.
    target_vocabulary : numrnn.data.Vocabulary or None, default=None
        Likewise for y, but with a symbol of the unknown for characters only if it has ``unknown=True``.
    n_symbols : int, "auto" or None, default=None
        Where X holds integers that are symbols: they go from 0 to n_symbols - 1. "auto" counts up to the largest of X.
        None: integers are numbers. Integers in y are always symbols, unless they have an axis of columns.
    embedding_size : int or None, default=None
        E, the length of a learned vector for each symbol, which the first layer reads in place of a one-hot vector.
        Symbols of y have vectors of the same length.
    dropout : float, default=0.0
        Probability with which a number is left out on its way up, from an embedding to the first layer, from layer to
        layer and to the outputs, in training only; the others are scaled up. Not between encoder and decoder.
    recurrent_dropout : float, default=0.0
        Likewise for states on their way to the next step, which W reads; the same units in all steps of a sequence.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object, default="adam"
        An object, such as ``numrnn.solvers.Adam(beta_2=0.98)``, holds options of its own. "lbfgs" takes all of X at
        once; it ignores `batch_size`, `learning_rate`, `learning_rate_init`, `shuffle` and `clip_norm`.
    alpha : float, default=0.0
        Strength of the L2 term ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` of the objective; biases are left out.
    batch_size : int, default=32
        Pairs in a mini-batch; those of a mini-batch are of similar length.
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
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, and the vocabularies, of the fit before.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the mini-batches, dropout and what is held out. The same int gives the same bits.
    dtype : {"float32", "float64"}, default="float32"
        Of weights and arithmetic; sums of losses are float64 in any case.
    device : {"cpu", "cuda"}, default="cpu"
        Where to compute. "cuda": on an NVIDIA GPU, which needs the extra ``numrnn[cuda]``; where there is none, that is
        an error. Either device goes on with what the other one has trained.
    n_jobs : int or None, default=None
        Threads. None means all cores that the process may use, but no more than the environment variables
        ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its processes, and one in joblib's threads
        and forks; -1 all cores. Small work gets fewer. Results do not depend on it.
    memory_limit : int, str or None, default=None
        Bytes that training may take beside the data, in this process: a number, or a text such as "512MB" or "2GiB".
        Where states of all steps take more, some are kept and the others made again, to the same bits: in a tenth of
        the memory in about 1.3 times the time. A limit that is too low is an error that says how much is needed.
        Encoder and decoder have half each, and that is what the error compares.
    verbose : bool or int, default=False
        True shows a progress bar where somebody watches, 2 in any case. The logger "numrnn" gets a line an epoch.
    callbacks : list of objects or None, default=None
        With any of the methods ``on_fit_begin(info)``, ``on_progress(info)`` and ``on_epoch_end(info)``, which end
        training by returning True, and ``on_fit_end(info)``; `info` is a `numrnn.training.FitInfo`.

    Attributes
    ----------
    vocabulary_, target_vocabulary_ : Vocabulary or None
        Symbols of texts in X and in y; None if they are no texts.
    n_symbols_, n_target_symbols_ : int or None
        Symbols of X and of y, without the one that begins and ends; None for numbers.
    longest_target_ : int
        Length of the longest target of training.
    n_features_in_ : int
        Inputs of a step; 1 for symbols.
    target_names_in_ : ndarray of shape (`n_outputs_`,)
        Names of the columns of y, if it was a list of data frames with two or more that have names of type str.
    n_outputs_ : int
        Outputs of the decoder in a step: ``n_target_symbols_ + 1``, or the columns of y.
    n_iter_ : int
        Epochs trained, those before a `warm_start` or `partial_fit` included.
    loss_ : float
        The last of `loss_curve_`.
    loss_curve_ : list of float
        The objective in each epoch: a mean over its mini-batches, each before its update.
    validation_loss_curve_, validation_scores_ : list of float or None
        Loss of what was held out after each epoch, if anything was, its targets given as in training; and its negative.
    weights_ : dict of str to ndarray
        Read-only views of all parameters by name: ``encoder.layers.0.U`` ..., ``decoder.V``, ``decoder.c``.

    See Also
    --------
    RNNClassifier, RNNRegressor : One target for a sequence, or one for each of its steps.
    RNNLanguageModel : Texts without inputs.

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
        "_one_column",
    )  # fmt: skip
    __metadata_request__fit = {"resume": UNUSED}  # no data, so nothing that meta-estimators hand on
    # Every step has a target and is trained back to the first, and states go from encoder to decoder.
    _fixed = {
        "output": "step", "bptt_steps": None, "pooling": "last", "initial_state": "zero", "bidirectional": False,
    }  # fmt: skip

    # begin of generated code: tests/parameter_table.py
    def __init__(
        self,
        hidden_layer_sizes=(128,),
        *,
        cell="gru",
        activation="tanh",
        input="sequence",
        vocabulary=None,
        target_vocabulary=None,
        n_symbols=None,
        embedding_size=None,
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
        self.input = input
        self.vocabulary = vocabulary
        self.target_vocabulary = target_vocabulary
        self.n_symbols = n_symbols
        self.embedding_size = embedding_size
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
    def fit(self, X, y, *, X_val=None, y_val=None, resume=None, comm=None):
        """Train on pairs.

        Parameters
        ----------
        X : list of str; list of (T_i, D) or (T_i,) arrays, Sequences, array of shape (N, T, D) or (N, T)
            N texts, or N sequences as `RNNClassifier.fit` takes them: of symbols where `n_symbols` is set. With
            ``input="vector"`` an array of shape (N, D). With ``device="cuda"`` arrays, and lists of them, may lie on
            the card, those of y, too.
        y : list of str; list of (L_i,) arrays of integers; list of (L_i, K) or (L_i,) arrays of floats
            N texts, sequences of symbols, or of real vectors; each of at least one. `Sequences` and arrays of shape
            (N, L) or (N, L, K) will do, too.
        X_val, y_val : like X and y, optional
            Pairs to watch: with ``early_stopping=True`` in place of a part of X, otherwise to record only.
        resume : str or path-like, optional
            Directory of checkpoints (`numrnn.training.Checkpoint`): training goes on from the newest that is whole, and
            ends with the bits of a fit that was never interrupted; it begins anew where there is none.
        comm : mpi4py.MPI.Intracomm, optional
            The processes that train together, each on a part of every mini-batch: all call `fit` with the same
            arguments and get the same network, bit for bit the one that a single process gets. None: one process.

        Returns
        -------
        self : RNNSeq2Seq

        Raises
        ------
        ValueError, TypeError
            If a parameter, X or y is invalid; the message names it, or what a checkpoint of
            another fit differs in.
        TrainingDivergedError
            If the loss or the gradient is no longer finite. The weights go back to before the last step that was
            finite, and the solver's state starts anew when training goes on.
        TrainingTerminated
            If SIGTERM or SIGUSR1 came, with a `Checkpoint` among `callbacks`: a `SystemExit`, with exit code 75.

        Warns
        -----
        UserWarning
            If Ctrl-C ended training: the weights are kept, and those of a `Checkpoint` can be resumed from.
        """
        return self._fit(Arguments(X, y, X_val=X_val, y_val=y_val), resume=resume, comm=comm)

    @available_if(solver_makes_passes)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y):
        """Make one pass over pairs, going on from the weights there are.

        Parameters
        ----------
        X, y : as in `fit`
            The first call learns the symbols, unless `initialize` did.

        Returns
        -------
        self : RNNSeq2Seq

        Examples
        --------
        >>> from numrnn import RNNSeq2Seq
        >>> model = RNNSeq2Seq((8,), random_state=0).initialize(["ab", "b"], ["ba", "b"])
        >>> model.partial_fit(["ab"], ["ba"]).partial_fit(["b"], ["b"]).n_iter_
        2
        """
        return self._one_pass(Arguments(X, y))

    @_fit_context(prefer_skip_nested_validation=True)
    def initialize(self, X, y):
        """Learn symbols, sizes and lengths and create the parameters, without training.

        Parameters
        ----------
        X, y : as in `fit`

        Returns
        -------
        self : RNNSeq2Seq
            Ready for `partial_fit`, `set_weights`, `loss_and_grad` and `predict`.

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
