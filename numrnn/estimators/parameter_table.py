"""List the constructor parameters of all estimators in one table.

``python tests/parameter_table.py`` generates signatures, assignments and the Parameters sections of docstrings from it.
`numrnn.estimators.problem` reads scikit-learn's parameter constraints from it, `numrnn.cli.options` the options of the
command line, and `numrnn.estimators.loading` the values of parameters that older model files lack.

Constraints are plain values, so that ``numrnn --help`` imports nothing heavy.
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
    reads: object = None  # int, float, choices, or a reader in numrnn.cli.options; None: derived from `allows`


class Parameter(NamedTuple):
    """Describe one constructor parameter."""

    name: str
    default: object
    allows: tuple | None  # Range, Choice, types, or scikit-learn's constraint names; None: checked where it is used
    text: str  # description in the Parameters section; line breaks are ignored
    more: str = ""  # sentences after `text` that differ between estimators
    type: str = ""  # type in the Parameters section; derived from `allows` if empty
    annotation: str = ""  # type annotation in the signature; derived from `allows` if empty
    option: Option | None = None
    estimators: tuple = ALL
    differs: dict = {}  # estimator -> fields that have another value there
    before: object = IN_ALL_FILES  # value for older model files without the parameter, which keeps their behaviour

    @property
    def choices(self):
        """Return the strings that the parameter accepts."""
        return next(allowed.texts for allowed in self.allows if isinstance(allowed, Choice))


COUNT = Range(Integral, 1)
FRACTION = Range(Real, 0, 1)
NOT_NEGATIVE = Range(Real, 0)
POSITIVE = Range(Real, 0, closed="neither")
AUTO = Choice(("auto",))

# Rows are in the order of the signatures. A name with two rows has one for each group of estimators.
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
        differs={LANGUAGE_MODEL: {"default": "lstm"}, SEQ2SEQ: {"default": "lstm"}},
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
        """Kind of the items of X. With "vector", X is a table of shape (N, D), and the encoder reads each row as a
        sequence of one step.""",
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
        """Whether there is one target per sequence, predicted after the last step (of each direction, if
        bidirectional), or one per step.""",
        estimators=SUPERVISED,
    ),
    Parameter(
        "pooling",
        "last",
        (Choice(("last", "mean", "max")),),
        """Hidden states of the last layer that the output reads with ``output="sequence"``: those of the last step, or
        the mean or maximum of each unit over all steps.""",
        option=Option("hidden states that the output reads"),
        estimators=SUPERVISED,
    ),
    Parameter(  # no option: --unit and others define the vocabulary
        "vocabulary",
        None,
        ("vocabulary", None),
        """Vocabulary that converts X, a list of texts (str or lists of tokens), to symbols. `fit` fits a copy of it on
        X. Unless it has ``unknown=False``, the copy reserves a symbol for characters or tokens that do not occur in
        X.""",
        annotation="Vocabulary | None",
        differs={
            LANGUAGE_MODEL: {
                "text": """Vocabulary that converts texts to symbols. `fit` fits a copy of it on X. None stands for
                ``Vocabulary()``, which has all characters of X; ``Vocabulary(unknown=True)`` reserves a symbol for
                characters that do not occur in X."""
            },
            SEQ2SEQ: {
                "text": """Vocabulary that converts the texts of X to symbols. `fit` fits a copy of it on X. None stands
                for ``Vocabulary()``, which has all characters of X. Unless it has ``unknown=False``, the copy reserves
                a symbol for characters or tokens that do not occur in X."""
            },
        },
    ),
    Parameter(
        "target_vocabulary",
        None,
        ("vocabulary", None),
        """Vocabulary that converts the texts of y to symbols. It reserves a symbol for unknown characters only with
        ``unknown=True``.""",
        annotation="Vocabulary | None",
        estimators=(SEQ2SEQ,),
    ),
    Parameter(  # no option here: numrnn.cli.texts defines it with the other options for texts
        "boundaries",
        "auto",
        ("boolean", AUTO),
        """Whether to learn where texts begin and end. If so, each text (including a single `str`) is enclosed in
        boundary symbols, `generate` accepts an empty prompt and stops at the end of a text, and texts may be empty or
        have one symbol. "auto" means yes for lists of texts, and no for a single text and for integers.""",
        estimators=(LANGUAGE_MODEL,),
        before=False,
    ),
    Parameter(
        "n_symbols",
        None,
        (COUNT, AUTO, None),
        """Number of symbols if X consists of symbols: 1-D arrays of integers from 0 to n_symbols - 1, which stand for
        one-hot vectors (these are never built). "auto" means the largest integer in X plus one.""",
        option=Option("number of symbols if X consists of symbols, or auto", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": """Number of symbols if X consists of integers from 0 to n_symbols - 1. "auto" means the largest
                integer in X plus one.""",
            },
            SEQ2SEQ: {
                "text": """Number of symbols if X consists of symbols, integers from 0 to n_symbols - 1. "auto" means
                the largest integer in X plus one. With None, integers are treated as numbers.
                Sequences of integers in y are always symbols, unless they have shape (L_i, K)."""
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
        scores are in the units of y. "auto" means yes.""",
        option=Option("standardise the targets of a regression for training"),
        estimators=("RNNRegressor", SEQ2SEQ),
        differs={
            SEQ2SEQ: {
                "text": """Whether the network learns standardised vectors, (y - `target_mean_`) / `target_scale_`.
                Predictions and scores are in the units of y. "auto" means yes for vectors; symbols have no scale."""
            }
        },
        before=False,
    ),
    Parameter(
        "initial_state",
        "zero",
        (Choice(("zero", "learned")),),
        """Hidden state before the first step: zero, or learned. A learned initial state is the same for all sequences,
        starts at zero and has no L2 penalty.""",
        more="The argument `state` of `fit` and `predict` sets other initial states.",
        option=Option("initial states"),
        estimators=(*SUPERVISED, LANGUAGE_MODEL),
        differs={LANGUAGE_MODEL: {"more": ""}},
    ),
    Parameter(
        "dropout",
        0.0,
        (FRACTION,),
        """Probability of dropping a unit while training, in the embedding, between layers and before the output. The
        units that are kept are scaled by 1 / (1 - dropout).""",
        option=Option("probability of dropping a unit between layers", float),
        differs={SEQ2SEQ: {"more": "It does not apply between the encoder and the decoder."}},
    ),
    Parameter(
        "recurrent_dropout",
        0.0,
        (FRACTION,),
        """Probability of dropping a unit of the hidden state that the next step reads, while training. All steps of a
        sequence, or of a chunk of `bptt_steps`, drop the same units.""",
        option=Option("probability of dropping a unit between steps", float),
        differs={
            SEQ2SEQ: {
                "text": """Probability of dropping a unit of the hidden state that the next step reads, while training.
                All steps of a sequence drop the same units."""
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
        """Number of sequences in a mini-batch, which consists of sequences of similar length. "auto" means a sixteenth
        of the training sequences, but at least 8 and at most 32, so that an epoch of 128 to 512 sequences makes 16
        updates; and 32 if sequences or classes have different weights.""",
        option=Option("sequences per mini-batch, or auto", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": """Number of streams into which a single text is cut, or, for a list of texts, number of
                texts in a mini-batch. "auto" means 100, or fewer if X is short, so that an epoch has about a hundred
                updates: 100 streams for a text of a million symbols, 4 for 20,000.""",
            },
            SEQ2SEQ: {
                "text": """Number of pairs in a mini-batch, which consists of pairs of similar length. "auto" means a
                sixteenth of the training pairs, but at least 8 and at most 32."""
            },
        },
    ),
    Parameter(
        "bptt_steps",
        "auto",
        (COUNT, None, AUTO),
        """Number of steps in a chunk of truncated BPTT; gradients do not flow from one chunk to the previous one. None
        means whole texts or streams. "auto" means 100, or as few as 25 for a single text of fewer than 40,000
        symbols.""",
        estimators=(LANGUAGE_MODEL,),
    ),
    Parameter(
        "restart_rate",
        0.05,
        (FRACTION,),
        """Probability that a stream (or text) begins a chunk anew with the initial state, while training. Otherwise
        training sees an initial state only where streams begin, and the network may never recover from one.""",
        option=Option("probability that a text begins a chunk anew while training", float),
        estimators=(LANGUAGE_MODEL,),
        before=0.0,
    ),
    Parameter(
        "learning_rate_init",
        3e-3,
        (POSITIVE,),
        "Initial learning rate.",
        option=Option("initial learning rate", float),
        differs={LANGUAGE_MODEL: {"default": 2e-3}},
    ),
    Parameter(
        "learning_rate",
        "constant",
        None,
        """Schedule of the learning rate over epochs, see `numrnn.training.resolve_schedule`. A callable receives the
        number of the epoch, starting at 0, and returns the factor by which to multiply `learning_rate_init`.""",
        type='{"constant", "invscaling", "adaptive", "cosine"} or callable',
        annotation="str | Callable[[int], float]",
        option=Option("schedule of the learning rate", ("constant", "invscaling", "adaptive", "cosine")),
    ),
    Parameter(
        "max_iter",
        100,
        (COUNT,),
        "Number of epochs, that is, of passes over X.",
        more='For "lbfgs", number of iterations.',
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
        It is computed on `X_val` and `y_val` if they are passed to `fit`, and otherwise on a part of X that is held
        out, see `validation`.""",
        option=Option("hold out sequences and stop when the value of --monitor stops improving"),
        differs={
            LANGUAGE_MODEL: {
                "text": """Whether to stop training when the validation loss stops improving, and to restore the best
                weights. The loss is computed on `X_val` if it is passed to `fit`, and otherwise on a part of X that is
                held out: the end of a single text, or some texts of a list."""
            }
        },
    ),
    Parameter(
        "monitor",
        "loss",
        (str,),
        """Value by which epochs are compared, for `early_stopping`, `restore_best_weights` and
        ``learning_rate="adaptive"``: "loss" (the validation loss or, without validation data, the training loss),
        "score" (the validation value of `score`), or the name of an entry of `scoring`.""",
        type="str",
        option=Option("value that --early-stopping watches: loss, score, or an entry of --scoring", str),
        estimators=(*SUPERVISED, SEQ2SEQ),
        differs={
            SEQ2SEQ: {
                "text": """Value by which epochs are compared, for `early_stopping`, `restore_best_weights` and
                ``learning_rate="adaptive"``: "loss" (the validation loss or, without validation data, the training
                loss), "score" (its negative), or the name of an entry of `scoring`."""
            }
        },
        before="score",
    ),
    Parameter(
        "scoring",
        None,
        (None, str, list, tuple, dict, callable),
        """Further scores of the validation data after each epoch, in scikit-learn's conventions: a name of
        `numrnn.metrics.get_scorer_names` or `sklearn.metrics.get_scorer_names`, a callable ``scorer(estimator, X, y)``
        (named "scorer"), a list of names, or a dict from name to scorer. With ``output="step"``, scikit-learn's scorers
        are computed over the steps of all sequences after the `washout`. `history_` has their values.""",
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
        """Whether the fitted weights are those of the best epoch according to `monitor`, and not those of the last one.
        "auto" means yes with `early_stopping`. Without validation data, epochs are compared by their training loss.""",
        option=Option("keep the weights of the best epoch"),
        differs={
            LANGUAGE_MODEL: {
                "text": """Whether the fitted weights are those of the epoch with the lowest validation loss (or,
                without validation data, training loss), and not those of the last one. "auto" means yes with
                `early_stopping`."""
            }
        },
        before="auto",
    ),
    Parameter(
        "validation",
        None,
        (None, Choice(("last",)), "splitter"),
        """Sequences of X to hold out: with None, a part drawn at random if `early_stopping` is set, otherwise none;
        with "last", the last sequences as given; with a splitter of scikit-learn, such as
        ``GroupShuffleSplit(1)``, its first split, for which `groups` are passed to `fit`. It must be None if `X_val` is
        passed.""",
        type='{None, "last"} or splitter',
        annotation="Any",
        option=Option("hold out the last sequences as given", ("last",)),
        differs={
            LANGUAGE_MODEL: {
                "text": """Texts of X to hold out: with None, a part drawn at random if `early_stopping` is set,
                otherwise none; with "last", the last texts; with a splitter of scikit-learn, its first split. Of a
                single text, the end is held out in any case, and a splitter is not supported."""
            },
        },
        before=None,
    ),
    Parameter(
        "gap",
        0,
        (Range(Integral, 0),),
        """Number of sequences to leave out between the training part and the last sequences, with
        ``validation="last"``. Windows that were cut from one series overlap: a gap of as many windows as overlap keeps
        the two parts apart.""",
        option=Option("sequences to leave out before the last ones", int),
        before=0,
    ),
    Parameter(
        "validation_fraction",
        0.1,
        (Range(Real, 0, 1, closed="neither"),),
        "Fraction of X to hold out, unless `validation` is a splitter.",
        option=Option("fraction of the sequences to hold out for --early-stopping", float),
        differs={CLASSIFIER: {"more": "A random part is stratified by class."}},
    ),
    Parameter(
        "tol",
        1e-4,
        (NOT_NEGATIVE,),
        r"""Smallest improvement that counts, for `early_stopping` and ``learning_rate="adaptive"``: a loss must be
        below best - tol \|best\|, a score above best + tol.""",
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
        "Largest Euclidean norm of the gradient, L2 term included. Gradients with a larger norm are scaled down to it.",
        option=Option("largest norm of the gradient, or none", "number_or_none"),
        differs={LANGUAGE_MODEL: {"default": 5.0}},
    ),
    Parameter(
        "bptt_steps",
        None,
        (COUNT, None),
        """Number of steps in a chunk of truncated BPTT; None means whole sequences. The weights are updated after each
        chunk. Hidden states are carried from one chunk of a sequence to the next, gradients are not. Memory is
        proportional to the length of a chunk. With ``output="sequence"``, the target belongs to the last chunk.""",
        option=Option("steps through which gradients flow (default: all)", int),
        estimators=SUPERVISED,
    ),
    Parameter(
        "washout",
        0,
        (Range(Integral, 0),),
        """Number of steps at the beginning of each sequence that are read, but count neither in the loss nor in
        `score`, since the state has not forgotten yet that it began with zeros. It needs ``output="step"``. Predictions
        have all steps.""",
        option=Option("first steps of each sequence to read without loss", int),
        estimators=SUPERVISED,
        before=0,
    ),
    Parameter(
        "class_weight",
        None,
        (None, dict, Choice(("balanced",))),
        """Weights of the classes in the loss, as a dict from label to weight. "balanced" makes them inversely
        proportional to the class frequencies in y (weighted by `sample_weight`). Not supported for multi-label y.""",
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
        error if there is none. A model or checkpoint from one device can be used on the other.""",
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
        """Number of threads. None means all cores available to the process, limited by the environment variables
        ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS`` (which joblib sets in its worker processes); in a worker thread
        or forked worker of joblib, None means one thread unless ``NUMBA_NUM_THREADS`` is set. -1 means all cores. Small
        tasks use fewer threads. Results do not depend on it.""",
        option=Option("number of threads, -1 for all cores", int),
        differs={LANGUAGE_MODEL: {"more": "Generating or scoring a single text uses one thread."}},
    ),
    Parameter(
        "memory_limit",
        None,
        (None, COUNT, str),
        """Memory that training may use in addition to the data, in this process: bytes, or a string such as "512MB" or
        "2GiB". If the hidden states of all steps need more, some are stored and the others recomputed; the result
        is bitwise identical, and with a tenth of the memory training takes about 1.3 times as long. If the
        limit is too low, `fit` raises an error that states how much is needed.""",
        more="""Bidirectional networks store all hidden states; `fit` raises an error if these exceed the limit.""",
        option=Option("memory for training in addition to the data: bytes, or 512MB, 2GiB", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "more": """With `bptt_steps`, training needs little more memory than one chunk takes, whatever the
                length of the texts."""
            },
            SEQ2SEQ: {"more": "The encoder and the decoder may use half of it each; the error refers to that half."},
        },
    ),
    Parameter(  # no option: --progress sets it
        "verbose",
        False,
        ("verbose",),
        """Whether to show a progress bar: True shows it in a terminal or notebook, 2 always. The logger "numrnn"
        receives one line per epoch in any case.""",
        annotation="bool | int",
    ),
    Parameter(  # no option: a command line cannot pass Python objects
        "callbacks",
        None,
        (None, list, tuple),
        """Objects with any of the methods ``on_fit_begin``, ``on_progress``, ``on_epoch_end``, ``on_stop`` and
        ``on_fit_end``, which receive a `numrnn.training.FitInfo`. Training stops if ``on_progress`` or ``on_epoch_end``
        returns True.""",
        type="list of objects or None",
        annotation="Sequence[object] | None",
    ),
)


def parameters_of(kind):
    """Return the parameters of an estimator in the order of its signature."""
    return [row._replace(**row.differs.get(kind, {})) for row in TABLE if kind in row.estimators]


def choices_of(name):
    """Return the strings that a parameter accepts, according to its first row."""
    return next(row for row in TABLE if row.name == name).choices


def values_before(kind):
    """Return the values of the parameters that older model files lack."""
    return {row.name: row.before for row in parameters_of(kind) if row.before is not IN_ALL_FILES}
