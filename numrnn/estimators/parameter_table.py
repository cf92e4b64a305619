"""List the constructor parameters of all estimators in one table.

From this table, ``python tests/parameter_table.py`` generates the constructors and the Parameters sections of
docstrings. `numrnn.estimators.problem` reads the parameter constraints for scikit-learn from it, `numrnn.cli.options`
the options of the command line, and `numrnn.estimators.loading` the values for parameters that older model files lack.

Constraints are written as plain values, so that ``numrnn --help`` need not import scikit-learn.
"""

from numbers import Integral, Real
from typing import NamedTuple

CLASSIFIER, REGRESSOR = SUPERVISED = ("RNNClassifier", "RNNRegressor")
LANGUAGE_MODEL, SEQ2SEQ = "RNNLanguageModel", "RNNSeq2Seq"
ALL = (*SUPERVISED, LANGUAGE_MODEL, SEQ2SEQ)
IN_ALL_FILES = object()


class Range(NamedTuple):
    """Describe an interval of numbers; `closed` names the included bounds, as in scikit-learn's `Interval`."""

    kind: type
    left: float | None = None
    right: float | None = None
    closed: str = "left"


class Choice(NamedTuple):
    """List the strings that a parameter accepts."""

    texts: tuple


class Option(NamedTuple):
    """Describe the option of ``numrnn fit`` that sets a parameter."""

    help: str
    reads: object = None  # int, float, choices, or name of a reader in numrnn.cli.options; None: from `allows`


class Parameter(NamedTuple):
    """Describe one constructor parameter."""

    name: str
    default: object
    allows: tuple | None  # Range, Choice, types or names of constraints; None: the value is checked elsewhere
    text: str  # description in the Parameters section; its line breaks do not matter
    more: str = ""  # sentences after `text`; kept apart, since some estimators have others
    type: str = ""  # type in the Parameters section; derived from `allows` if empty
    annotation: str = ""  # type annotation in the signature; derived from `allows` if empty
    option: Option | None = None
    estimators: tuple = ALL
    differs: dict = {}  # from the name of an estimator to a dict of the fields that have other values for it
    before: object = IN_ALL_FILES  # value for older model files, which lack the parameter; keeps their behaviour

    @property
    def choices(self):
        """Return the strings that the parameter accepts."""
        return next(allowed.texts for allowed in self.allows if isinstance(allowed, Choice))


COUNT = Range(Integral, 1)
FRACTION = Range(Real, 0, 1)
NOT_NEGATIVE = Range(Real, 0)
POSITIVE = Range(Real, 0, closed="neither")
AUTO = Choice(("auto",))

# Rows have the order of the signatures. A name with two rows has one row for each group of estimators.
TABLE = (
    Parameter(
        "hidden_layer_sizes",
        (64,),
        ("array-like", COUNT),
        "Number of hidden units in each layer, starting with the layer that reads the inputs.",
        type="int or array-like of int",
        annotation="int | Sequence[int]",
        option=Option("hidden units per layer: 64, or 64,32 for two layers", "sizes"),
        differs={
            LANGUAGE_MODEL: {"default": (128,)},
            SEQ2SEQ: {"default": (128,), "more": "The encoder and the decoder have the same sizes."},
        },
    ),
    Parameter(
        "cell",
        "gru",
        (Choice(("elman", "gru", "lstm")),),
        """Recurrent cell of all layers. A GRU or LSTM remembers longer than an Elman cell and takes about three or four
        times as long to train.""",
        option=Option("recurrent cell"),
        differs={SEQ2SEQ: {"default": "lstm"}},
    ),
    Parameter(
        "activation",
        "tanh",
        (Choice(("tanh", "relu")),),
        "Activation of Elman cells; GRU and LSTM cells ignore it.",
        option=Option("activation of Elman cells"),
    ),
    Parameter(
        "input",
        "sequence",
        (Choice(("sequence", "vector")),),
        """Kind of the items of X. With "vector", X has shape (N, D), and the encoder reads each row as a sequence of
        one step.""",
        estimators=(SEQ2SEQ,),
    ),
    Parameter(
        "bidirectional",
        False,
        ("boolean",),
        """Whether each layer has a second set of H units that reads the sequence in reverse. The next layer and the
        output read both directions, concatenated. Bidirectional networks need whole sequences: they support neither
        `predict_step` nor `bptt_steps`.""",
        option=Option("read sequences in both directions"),
        estimators=SUPERVISED,
    ),
    Parameter(  # no option: the shape of the targets implies it
        "output",
        "sequence",
        (Choice(("sequence", "step")),),
        """Whether there is one target per sequence, predicted after the last step of each direction, or one target per
        step.""",
        estimators=SUPERVISED,
    ),
    Parameter(
        "pooling",
        "last",
        (Choice(("last", "mean", "max")),),
        """Hidden states of the last layer that the output reads with ``output="sequence"``: those of the last step, or
        the mean or maximum of each unit over all steps.""",
        option=Option("what the output reads: the last hidden state, or the mean or maximum over all steps"),
        estimators=SUPERVISED,
    ),
    Parameter(  # no option: --unit and other options define the vocabulary
        "vocabulary",
        None,
        ("vocabulary", None),
        """Vocabulary that converts X, a list of texts (str or lists of tokens), to symbols. `fit` fits a copy of the
        vocabulary on X. The copy reserves a symbol for characters or tokens that do not occur in X; ``unknown=False``
        prevents this.""",
        annotation="Vocabulary | None",
        differs={
            LANGUAGE_MODEL: {
                "text": """Vocabulary that converts texts to symbols. `fit` fits a copy of the vocabulary on X. None
                stands for ``Vocabulary()``, whose symbols are all characters of X; ``Vocabulary(unknown=True)`` also
                reserves a symbol for characters that do not occur in X."""
            },
            SEQ2SEQ: {
                "text": """Vocabulary that converts the texts of X to symbols. `fit` fits a copy of the vocabulary on X.
                None stands for ``Vocabulary()``, whose symbols are all characters of X. The copy reserves a symbol for
                characters or tokens that do not occur in X; ``unknown=False`` prevents this."""
            },
        },
    ),
    Parameter(
        "target_vocabulary",
        None,
        ("vocabulary", None),
        """Vocabulary that converts the texts of y to symbols. Only with ``unknown=True`` does it reserve a symbol for
        characters that do not occur in y.""",
        annotation="Vocabulary | None",
        estimators=(SEQ2SEQ,),
    ),
    Parameter(  # no option here: numrnn.cli.texts defines it with the other options for texts
        "boundaries",
        "auto",
        ("boolean", AUTO),
        """Whether to learn where texts begin and end. If True, each text (including a single `str`) is enclosed in
        boundary symbols, `generate` accepts an empty prompt and stops at the end of a text, and texts may be empty or
        have one symbol. "auto" means True for lists of texts, and False for a single text and for integers.""",
        estimators=(LANGUAGE_MODEL,),
        before=False,
    ),
    Parameter(
        "n_symbols",
        None,
        (COUNT, AUTO, None),
        """Number of symbols if X consists of symbols: 1-D arrays of integers from 0 to n_symbols - 1. They stand for
        one-hot vectors, which are never stored. "auto" means the largest integer in X plus one.""",
        option=Option("number of symbols if X consists of symbols, or auto", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": """Number of symbols if X consists of integers from 0 to n_symbols - 1. "auto" means the largest
                integer in X plus one.""",
            },
            SEQ2SEQ: {
                "text": """Number of symbols if X consists of symbols, that is, integers from 0 to n_symbols - 1. "auto"
                means the largest integer in X plus one. With None, integers are treated as numbers. Integers in y are
                vectors if a sequence has shape (L_i, K); otherwise they are symbols."""
            },
        },
    ),
    Parameter(
        "embedding_size",
        None,
        (COUNT, None),
        "Length of the learned vector of each symbol. With None, the first layer reads one-hot vectors.",
        option=Option("length of the embedding of a symbol", int),
        differs={SEQ2SEQ: {"more": "The symbols of y have embeddings of the same length."}},
    ),
    Parameter(
        "scale_targets",
        "auto",
        ("boolean", AUTO),
        """Whether the network learns standardised targets, (y - `target_mean_`) / `target_scale_`. Predictions and
        scores are in the units of y. "auto" means True.""",
        option=Option("standardise the targets of a regression for training"),
        estimators=("RNNRegressor", SEQ2SEQ),
        differs={
            SEQ2SEQ: {
                "text": """Whether the network learns standardised vectors, (y - `target_mean_`) / `target_scale_`.
                Predictions and scores are in the units of y. "auto" means True for vectors; symbols have no scale."""
            }
        },
        before=False,
    ),
    Parameter(
        "initial_state",
        "zero",
        (Choice(("zero", "learned")),),
        """Hidden state before the first step: zero, or learned. A learned initial state is the same for all sequences.
        Its training starts at zero, and it has no L2 penalty.""",
        more="The argument `state` of `fit` and `predict` sets other initial states.",
        option=Option("hidden state before the first step"),
        estimators=(*SUPERVISED, LANGUAGE_MODEL),
        differs={LANGUAGE_MODEL: {"more": ""}},
    ),
    Parameter(
        "dropout",
        0.0,
        (FRACTION,),
        """Probability with which training drops a unit: in the embedding, between layers and before the output. The
        units that are kept are scaled by 1 / (1 - dropout).""",
        option=Option("probability of dropping a unit between layers", float),
        differs={SEQ2SEQ: {"more": "States passed from the encoder to the decoder are not dropped."}},
    ),
    Parameter(
        "recurrent_dropout",
        0.0,
        (FRACTION,),
        """Probability with which training drops a unit of the hidden state before the next step reads it. All steps of
        a sequence, or of a chunk of `bptt_steps` steps, drop the same units.""",
        option=Option("probability of dropping a unit between steps", float),
        differs={
            SEQ2SEQ: {
                "text": """Probability with which training drops a unit of the hidden state before the next step reads
                it. All steps of a sequence drop the same units."""
            }
        },
    ),
    Parameter(
        "solver",
        "adam",
        None,
        "Optimiser, by name or as an object with its own options, such as ``numrnn.solvers.Adam(beta_2=0.98)``.",
        more=""""lbfgs" uses all of X at once and ignores `batch_size`, `learning_rate`, `learning_rate_init`, `shuffle`
        and `clip_norm`.""",
        type='{"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object',
        annotation="str | Solver",
        option=Option("optimiser", ("sgd", "adam", "adamw", "rmsprop", "lbfgs")),
        differs={
            LANGUAGE_MODEL: {
                "type": '{"adam", "adamw", "sgd", "rmsprop"} or solver object',
                "more": "L-BFGS is not supported.",
            }
        },
    ),
    Parameter(
        "alpha",
        0.0,
        (NOT_NEGATIVE,),
        "Strength of the L2 penalty ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` in the objective. Biases are not penalised.",
        option=Option("strength of the L2 penalty", float),
    ),
    Parameter(
        "batch_size",
        "auto",
        (COUNT, AUTO),
        """Number of sequences in a mini-batch; they have similar lengths. "auto" means a sixteenth of the
        training sequences, but at least 8 and at most 32. If sequences or classes have different weights, "auto" means
        32.""",
        option=Option("sequences per mini-batch, or auto", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": """For a single text, number of streams into which it is cut; for a list of texts, number of
                texts in a mini-batch. "auto" means 100, or fewer if X is short, so that an epoch has about a hundred
                updates: for example, 100 streams for a text of a million symbols, and 4 streams for a text of 20,000
                symbols.""",
            },
            SEQ2SEQ: {
                "text": """Number of pairs in a mini-batch; they have similar lengths. "auto" means a sixteenth of the
                training pairs, but at least 8 and at most 32."""
            },
        },
    ),
    Parameter(
        "bptt_steps",
        "auto",
        (COUNT, None, AUTO),
        """Number of steps in a chunk of truncated BPTT; gradients do not flow from one chunk to the previous one. None
        means whole texts or streams. "auto" means 100 or, for a single text of fewer than 40,000 symbols, a smaller
        number that is at least 25.""",
        estimators=(LANGUAGE_MODEL,),
    ),
    Parameter(
        "restart_rate",
        0.05,
        (FRACTION,),
        """Probability with which training resets the state of a stream (or text) to the initial state before a chunk.
        With 0, training meets the initial state only where streams begin, so the network may not learn to predict well
        from the initial state.""",
        option=Option("probability with which training resets the state of a text before a chunk", float),
        estimators=(LANGUAGE_MODEL,),
        before=0.0,
    ),
    Parameter(
        "learning_rate_init",
        3e-3,
        (POSITIVE,),
        "Initial learning rate.",
        option=Option("initial learning rate", float),
        differs={LANGUAGE_MODEL: {"default": 5e-3}},
    ),
    Parameter(
        "learning_rate",
        "constant",
        None,
        """Schedule of the learning rate over epochs (see `numrnn.training.resolve_schedule`). A callable receives the
        number of the epoch, starting at 0, and returns a factor for `learning_rate_init`.""",
        type='{"constant", "invscaling", "adaptive", "cosine"} or callable',
        annotation="str | Callable[[int], float]",
        option=Option("schedule of the learning rate", ("constant", "invscaling", "adaptive", "cosine")),
    ),
    Parameter(
        "max_iter",
        100,
        (COUNT,),
        "Number of epochs, that is, passes over X.",
        more='For "lbfgs", the number of iterations.',
        option=Option("number of epochs", int),
        differs={LANGUAGE_MODEL: {"default": 10, "more": ""}},
    ),
    Parameter(
        "shuffle",
        True,
        ("boolean",),
        "Whether to shuffle the sequences in each epoch.",
        option=Option("shuffle the sequences in each epoch"),
        differs={LANGUAGE_MODEL: {"more": "A single text is always read in order."}},
    ),
    Parameter(
        "early_stopping",
        False,
        ("boolean",),
        """Whether to stop training when the value named by `monitor` stops improving, and to restore the best weights.
        The value is computed on `X_val` and `y_val` if they are passed to `fit`, and otherwise on a held-out part of X
        (see `validation`).""",
        option=Option("hold out sequences and stop when the value of --monitor stops improving"),
        differs={
            LANGUAGE_MODEL: {
                "text": """Whether to stop training when the validation loss stops improving, and to restore the best
                weights. The loss is computed on `X_val` if it is passed to `fit`, and otherwise on a held-out part of
                X: the end of a single text, or some texts of a list."""
            }
        },
    ),
    Parameter(
        "monitor",
        "loss",
        (str,),
        """Name of the value by which `early_stopping`, `restore_best_weights` and ``learning_rate="adaptive"`` compare
        epochs: "loss" (the validation loss or, without validation data, the training loss), "score" (the result of the
        method `score` on validation data), or the name of a score in `scoring`.""",
        type="str",
        option=Option("value that --early-stopping watches: loss, score, or an entry of --scoring", str),
        estimators=(*SUPERVISED, SEQ2SEQ),
        differs={
            SEQ2SEQ: {
                "text": """Name of the value by which `early_stopping`, `restore_best_weights` and
                ``learning_rate="adaptive"`` compare epochs: "loss" (the validation loss or, without validation data,
                the training loss), "score" (the negative validation loss), or the name of a score in `scoring`."""
            }
        },
        before="score",
    ),
    Parameter(
        "scoring",
        None,
        (None, str, list, tuple, dict, callable),
        """Further scores of the validation data, computed after each epoch: a name of
        `numrnn.metrics.get_scorer_names` or `sklearn.metrics.get_scorer_names`, a callable ``scorer(estimator, X, y)``
        (its score has the name "scorer"), a list of names, or a dict from name to scorer. With ``output="step"``,
        scikit-learn's scorers are computed over the steps of all sequences. Named scorers leave out the
        `washout`. `history_` stores the scores.""",
        type="str, callable, list, dict or None",
        annotation="str | Callable[..., float] | Sequence[str] | Mapping[str, str | Callable[..., float]] | None",
        option=Option("further scores of the validation data, such as f1_macro,step_accuracy", "names"),
        estimators=(*SUPERVISED, SEQ2SEQ),
        before=None,
    ),
    Parameter(
        "restore_best_weights",
        "auto",
        ("boolean", AUTO),
        """Whether to end with the weights of the best epoch according to `monitor` instead of the last epoch. "auto"
        means the value of `early_stopping`. Without validation data, epochs are compared by their training loss.""",
        option=Option("keep the weights of the best epoch"),
        differs={
            LANGUAGE_MODEL: {
                "text": """Whether to end with the weights of the epoch with the lowest validation loss (or, without
                validation data, training loss) instead of the last epoch. "auto" means the value of
                `early_stopping`."""
            }
        },
        before="auto",
    ),
    Parameter(
        "validation",
        None,
        (None, Choice(("last",)), "splitter"),
        """Sequences of X to hold out. None: with `early_stopping`, a part drawn at random; otherwise no sequences.
        "last": the last sequences in the order of X. A splitter of scikit-learn, such as ``GroupShuffleSplit(1)``: the
        test part of its first split, to which `fit` passes its argument `groups`. It must be None if `X_val` is
        passed.""",
        type='{None, "last"} or splitter',
        annotation="Any",
        option=Option("hold out the last sequences as given", ("last",)),
        differs={
            LANGUAGE_MODEL: {
                "text": """Texts of X to hold out. None: with `early_stopping`, a part drawn at random; otherwise no
                texts. "last": the last texts. A splitter of scikit-learn: the test part of its first split. If X is a
                single text, its end is held out; a splitter is then not supported."""
            },
        },
        before=None,
    ),
    Parameter(
        "gap",
        0,
        (Range(Integral, 0),),
        """Number of sequences to leave out between the training part and the held-out part with ``validation="last"``.
        If sequences are overlapping windows of one series, a large enough gap ensures that no step is in both
        parts.""",
        option=Option("number of sequences to leave out before those held out by --validation last", int),
        before=0,
    ),
    Parameter(
        "validation_fraction",
        0.1,
        (Range(Real, 0, 1, closed="neither"),),
        "Fraction of X to hold out. A splitter in `validation` does not use it.",
        option=Option("fraction of the sequences to hold out for --early-stopping", float),
        differs={CLASSIFIER: {"more": "A part drawn at random is stratified by class."}},
    ),
    Parameter(
        "tol",
        1e-4,
        (NOT_NEGATIVE,),
        r"""Smallest improvement that counts for `early_stopping` and ``learning_rate="adaptive"``: a loss must be below
        best - tol \|best\|, a score must be above best + tol.""",
        option=Option("smallest improvement that counts for --early-stopping", float),
    ),
    Parameter(
        "n_iter_no_change",
        10,
        (COUNT,),
        "Number of epochs without improvement after which `early_stopping` stops training.",
        option=Option("epochs without improvement before --early-stopping stops", int),
    ),
    Parameter(
        "clip_norm",
        1.0,
        (None, POSITIVE),
        "Largest Euclidean norm of the gradient, including the L2 term. Larger gradients are scaled down to this norm.",
        option=Option("largest norm of the gradient, or none", "number_or_none"),
        differs={LANGUAGE_MODEL: {"default": 5.0}},
    ),
    Parameter(
        "bptt_steps",
        None,
        (COUNT, None),
        """Number of steps in a chunk of truncated BPTT; None means whole sequences. The weights are updated after each
        chunk. Hidden states are carried from one chunk of a sequence to the next, but gradients are not. Memory is
        proportional to the length of a chunk. With ``output="sequence"``, the target belongs to the last chunk.""",
        option=Option("steps through which gradients flow (default: all)", int),
        estimators=SUPERVISED,
    ),
    Parameter(
        "washout",
        0,
        (Range(Integral, 0),),
        """Number of steps at the beginning of each sequence that the network reads, but that count neither in the loss
        nor in `score`, since the state still depends on its arbitrary initial value. It needs ``output="step"``.
        Predictions include these steps.""",
        option=Option("number of first steps of each sequence that do not count in the loss", int),
        estimators=SUPERVISED,
        before=0,
    ),
    Parameter(
        "class_weight",
        None,
        (None, dict, Choice(("balanced",))),
        """Weights of the classes in the loss, as a dict from label to weight. "balanced" makes the weights inversely
        proportional to the class frequencies in y (weighted by `sample_weight`). It must be None for multi-label y.""",
        option=Option("balanced, or weights of classes such as 1=2,3=0.5", "class_weights"),
        estimators=(CLASSIFIER,),
    ),
    Parameter(  # no option: a command has no earlier fit
        "warm_start",
        False,
        ("boolean",),
        "Whether `fit` continues from the weights of the previous fit.",
        differs={
            LANGUAGE_MODEL: {"text": "Whether `fit` continues from the weights and vocabulary of the previous fit."},
            SEQ2SEQ: {"text": "Whether `fit` continues from the weights and vocabularies of the previous fit."},
        },
    ),
    Parameter(
        "random_state",
        None,
        ("random_state",),
        """Seed of the initial weights, the shuffles, the dropout masks and the validation split. Fits with the same
        integer give bitwise identical models.""",
        annotation="int | RandomState | None",
        option=Option("seed (default: 0, so that the same command returns the same model)", "seed"),
    ),
    Parameter(
        "dtype",
        "float32",
        (Choice(("float32", "float64")), "float type"),
        "Precision of weights and arithmetic. Sums of losses are always float64.",
        type='{"float32", "float64"}',
        annotation="DTypeLike",
        option=Option("precision of weights and arithmetic"),
    ),
    Parameter(
        "device",
        "cpu",
        None,
        """Device to compute on. "cuda" stands for an NVIDIA GPU and needs the extra ``numrnn[cuda]``; `fit` raises an
        error if there is no such GPU. A model or checkpoint from one device can be used on the other.""",
        more="`predict_step` always uses the CPU.",
        type='{"cpu", "cuda"}',
        annotation='Literal["cpu", "cuda"]',
        option=Option("device to compute on", ("cpu", "cuda")),
        differs={LANGUAGE_MODEL: {"more": "`generate` and `stream` always use the CPU."}, SEQ2SEQ: {"more": ""}},
    ),
    Parameter(
        "n_jobs",
        None,
        (None, Integral),
        """Largest number of threads. -1 means all cores available to the process. None means the same, limited by the
        environment variables ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its worker processes.
        In a worker thread or forked worker of joblib, None means one thread if ``NUMBA_NUM_THREADS`` is not set. Small
        tasks use fewer threads. Results do not depend on the number of threads.""",
        option=Option("number of threads, -1 for all cores", int),
        differs={LANGUAGE_MODEL: {"more": "Generating or scoring a single text uses one thread."}},
    ),
    Parameter(
        "memory_limit",
        None,
        (None, COUNT, str),
        """Memory that training may use in this process in addition to the data: bytes, or a string such as "512MB" or
        "2GiB". If the hidden states of all steps need more memory, some of them are stored and the rest recomputed. The
        result is bitwise identical; with a tenth of the memory, training takes about 1.3 times as long. If the limit is
        too low, `fit` raises an error that states how much memory is needed.""",
        more="""Bidirectional networks always store all hidden states; `fit` raises an error if these exceed the
        limit.""",
        option=Option("memory for training in addition to the data: bytes, or 512MB, 2GiB", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "more": """With `bptt_steps`, training needs little more memory than the states of one chunk,
                independently of the length of the texts."""
            },
            SEQ2SEQ: {"more": "Encoder and decoder may each use half of the limit; the error refers to one half."},
        },
    ),
    Parameter(  # no option: --progress sets it
        "verbose",
        False,
        ("verbose",),
        """Whether to show a progress bar: True shows it only in a terminal or notebook, 2 shows it always. The logger
        "numrnn" always receives one line per epoch.""",
        annotation="bool | int",
    ),
    Parameter(  # no option: a command line cannot pass Python objects
        "callbacks",
        None,
        (None, list, tuple),
        """Objects with at least one of the methods ``on_fit_begin``, ``on_progress``, ``on_epoch_end``, ``on_stop`` and
        ``on_fit_end``. Each method receives a `numrnn.training.FitInfo`. Training stops if ``on_progress`` or
        ``on_epoch_end`` returns True.""",
        type="list of objects or None",
        annotation="Sequence[object] | None",
    ),
)


def parameters_of(kind):
    """Return the parameters of an estimator in the order of its signature."""
    return [row._replace(**row.differs.get(kind, {})) for row in TABLE if kind in row.estimators]


def choices_of(name):
    """Return the strings that a parameter accepts, according to its first row in the table."""
    return next(row for row in TABLE if row.name == name).choices


def values_before(kind):
    """Return the values for parameters that older model files lack, as a dict by name."""
    return {row.name: row.before for row in parameters_of(kind) if row.before is not IN_ALL_FILES}
