"""The table of constructor parameters, from which signatures, documentation, checks and options are made.

``python tests/parameter_table.py`` writes signatures, assignments and the Parameters sections of docstrings into the
source files of the estimators. What scikit-learn checks (`numrnn.estimators.problem`), options of the command line
(`numrnn.cli.options`) and values for older model files (`numrnn.estimators.loading`) are read from the table.

Nothing heavy is imported here, because ``numrnn --help`` reads the table: constraints are plain values.
"""

from numbers import Integral, Real
from typing import NamedTuple

CLASSIFIER, REGRESSOR = SUPERVISED = ("RNNClassifier", "RNNRegressor")
LANGUAGE_MODEL, SEQ2SEQ = "RNNLanguageModel", "RNNSeq2Seq"
ALL = (*SUPERVISED, LANGUAGE_MODEL, SEQ2SEQ)
IN_ALL_FILES = object()


class Range(NamedTuple):
    """Numbers from `left` to `right`; `closed` names the bounds that belong to them, as in scikit-learn's Interval."""

    kind: type
    left: float | None = None
    right: float | None = None
    closed: str = "left"


class Choice(NamedTuple):
    """One of several texts."""

    texts: tuple


class Option(NamedTuple):
    """The option of ``numrnn fit`` that sets a parameter."""

    help: str
    reads: object = None  # int, float, choices, or a reader in numrnn.cli.options; None: a flag or choices, by `allows`


class Parameter(NamedTuple):
    """A row of the table."""

    name: str
    default: object
    allows: tuple | None  # Range, Choice, types, or names as of scikit-learn; None: the code that acts on it checks
    text: str  # of the Parameters section; any line breaks
    more: str = ""  # sentences after `text`, for what differs between estimators
    type: str = ""  # of the Parameters section; empty: what `allows` says
    option: Option | None = None
    estimators: tuple = ALL
    differs: dict = {}  # by estimator: fields that have another value there
    before: object = IN_ALL_FILES  # what `fit` did before the parameter existed: its value in files that lack it

    @property
    def choices(self):
        """Return the texts that the parameter may be."""
        return next(allowed.texts for allowed in self.allows if isinstance(allowed, Choice))


COUNT = Range(Integral, 1)
FRACTION = Range(Real, 0, 1)
NOT_NEGATIVE = Range(Real, 0)
POSITIVE = Range(Real, 0, closed="neither")
AUTO = Choice(("auto",))

# Rows are in the order of the signatures. A name that stands in two of them has two rows, for different estimators.
TABLE = (
    Parameter(
        "hidden_layer_sizes",
        (64,),
        ("array-like", COUNT),
        "Units of each layer, from the inputs up.",
        type="int or array-like of int",
        option=Option("units of each layer: 64, or 64,32", "sizes"),
        differs={
            LANGUAGE_MODEL: {"default": (128,)},
            SEQ2SEQ: {"default": (128,), "more": "The encoder and the decoder have the same sizes."},
        },
    ),
    Parameter(
        "cell",
        "elman",
        (Choice(("elman", "gru", "lstm")),),
        "What a layer does in a step. GRU and LSTM remember longer and cost about three and four times as much.",
        option=Option("kind of recurrent cell"),
        differs={LANGUAGE_MODEL: {"default": "lstm"}, SEQ2SEQ: {"default": "gru"}},
    ),
    Parameter(
        "activation",
        "tanh",
        (Choice(("tanh", "relu")),),
        "Of the Elman cell; the others have their own.",
        option=Option("activation of Elman cells"),
    ),
    Parameter(
        "input",
        "sequence",
        (Choice(("sequence", "vector")),),
        'What one item of X is. With "vector" X is a table of shape (N, D), and the encoder makes one step.',
        estimators=(SEQ2SEQ,),
    ),
    Parameter(
        "bidirectional",
        False,
        ("boolean",),
        """Each layer reads sequences from both ends, with a direction of H units for each; the layer above and the
        outputs read both side by side. Whole sequences are needed: `predict_step` and `bptt_steps` are refused.""",
        option=Option("read sequences in both directions"),
        estimators=SUPERVISED,
    ),
    Parameter(  # no option: the form of the targets tells it
        "output",
        "sequence",
        (Choice(("sequence", "step")),),
        """One target for a sequence, read from the last step (of each direction, where there are two), or one for each
        step.""",
        estimators=SUPERVISED,
    ),
    Parameter(
        "pooling",
        "last",
        (Choice(("last", "mean", "max")),),
        """What the outputs are computed from with ``output="sequence"``: the last layer's state after the last step, or
        the mean or the maximum of its states over all steps, unit by unit.""",
        option=Option("what is read of a sequence's states"),
        estimators=SUPERVISED,
    ),
    Parameter(  # no option: --unit and others make it
        "vocabulary",
        None,
        ("vocabulary", None),
        """Makes X a list of texts (str, or lists of tokens), which become symbols by it: a copy of it is fitted on X.
        Unless it has ``unknown=False``, the copy has a symbol for characters or tokens that X lacks.""",
        differs={
            LANGUAGE_MODEL: {
                "text": """What texts become symbols by: a copy of it is fitted on X. None: ``Vocabulary()``, all
                characters of X. ``Vocabulary(unknown=True)`` has a symbol for characters that X lacks."""
            },
            SEQ2SEQ: {
                "text": """What texts in X become symbols by: a copy of it is fitted on X. None: ``Vocabulary()``, all
                characters of X. Unless it has ``unknown=False``, the copy has a symbol for characters or tokens that X
                lacks."""
            },
        },
    ),
    Parameter(
        "target_vocabulary",
        None,
        ("vocabulary", None),
        "Likewise for y, but with a symbol of the unknown for characters only if it has ``unknown=True``.",
        estimators=(SEQ2SEQ,),
    ),
    Parameter(  # no option: numrnn.cli.texts has one, among those of texts
        "boundaries",
        "auto",
        ("boolean", AUTO),
        """Whether to learn how texts begin and end. Then each text, one `str` included, is read from a symbol of its
        beginning to the same symbol as its end, `generate` starts from an empty prompt and stops at the end, and texts
        may have one symbol or none. "auto": for lists of texts, but not for one long text or integers.""",
        estimators=(LANGUAGE_MODEL,),
        before=False,
    ),
    Parameter(
        "n_symbols",
        None,
        (COUNT, AUTO, None),
        """Makes X symbols: 1-D arrays of integers from 0 to n_symbols - 1, read as one-hot vectors that are never made.
        "auto" counts up to the largest of X.""",
        option=Option("number of symbols where X is symbols, or auto", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": 'Where X is integers: they go from 0 to n_symbols - 1. "auto" counts up to the largest of X.',
            },
            SEQ2SEQ: {
                "text": """Where X holds integers that are symbols: they go from 0 to n_symbols - 1. "auto" counts up to
                the largest of X. None: integers are numbers. Integers in y are always symbols, unless they have an axis
                of columns."""
            },
        },
    ),
    Parameter(
        "embedding_size",
        None,
        (COUNT, None),
        "E, the length of a learned vector for each symbol, which the first layer reads in place of a one-hot vector.",
        option=Option("numbers a symbol is embedded in", int),
        differs={SEQ2SEQ: {"more": "Symbols of y have vectors of the same length."}},
    ),
    Parameter(
        "initial_state",
        "zero",
        (Choice(("zero", "learned")),),
        """What sequences begin with: zeros, or states that are learned, the same for all sequences, zeros at first and
        without L2 term.""",
        more="`fit` and `predict` may be given other states.",
        option=Option("states that sequences begin with"),
        estimators=(*SUPERVISED, LANGUAGE_MODEL),
        differs={LANGUAGE_MODEL: {"more": ""}},
    ),
    Parameter(
        "dropout",
        0.0,
        (FRACTION,),
        """Probability with which a number is left out on its way up, from an embedding to the first layer, from layer
        to layer and to the outputs, in training only; the others are scaled up.""",
        option=Option("fraction of units dropped in training on their way up", float),
        differs={SEQ2SEQ: {"more": "Not between encoder and decoder."}},
    ),
    Parameter(
        "recurrent_dropout",
        0.0,
        (FRACTION,),
        """Likewise for states on their way to the next step, which W reads; the same units in all steps of a sequence,
        or of a chunk of `bptt_steps`.""",
        option=Option("likewise on their way to the next step", float),
        differs={
            SEQ2SEQ: {
                "text": """Likewise for states on their way to the next step, which W reads; the same units in all steps
                of a sequence."""
            }
        },
    ),
    Parameter(
        "solver",
        "adam",
        None,
        "An object, such as ``numrnn.solvers.Adam(beta_2=0.98)``, holds options of its own.",
        more=""""lbfgs" takes all of X at once; it ignores `batch_size`, `learning_rate`, `learning_rate_init`,
        `shuffle` and `clip_norm`.""",
        type='{"adam", "adamw", "sgd", "rmsprop", "lbfgs"} or solver object',
        option=Option("what updates the weights", ("sgd", "adam", "adamw", "rmsprop", "lbfgs")),
        differs={
            LANGUAGE_MODEL: {
                "type": '{"adam", "adamw", "sgd", "rmsprop"} or solver object',
                "more": "L-BFGS is not offered.",
            }
        },
    ),
    Parameter(
        "alpha",
        0.0,
        (NOT_NEGATIVE,),
        "Strength of the L2 term ``alpha/2 (|U|^2 + |W|^2 + |V|^2)`` of the objective; biases are left out.",
        option=Option("strength of the L2 penalty", float),
    ),
    Parameter(
        "batch_size",
        32,
        (COUNT,),
        "Sequences in a mini-batch; those of a mini-batch are of similar length.",
        option=Option("sequences in a mini-batch", int),
        differs={
            LANGUAGE_MODEL: {
                "default": "auto",
                "allows": (COUNT, AUTO),
                "text": """Streams that one text is cut into, or texts of a list in a mini-batch. "auto": 100, or fewer
                if X is short, so that an epoch has about a hundred updates: 100 streams of a text of a million symbols,
                4 of 20,000.""",
            },
            SEQ2SEQ: {"text": "Pairs in a mini-batch; those of a mini-batch are of similar length."},
        },
    ),
    Parameter(
        "bptt_steps",
        "auto",
        (COUNT, None, AUTO),
        """Steps of a chunk; gradients end at its first step. None: whole texts, or streams. "auto": 100, or down to 25
        for one text of less than 40,000 symbols.""",
        estimators=(LANGUAGE_MODEL,),
    ),
    Parameter(
        "learning_rate_init",
        1e-3,
        (POSITIVE,),
        "The first learning rate.",
        option=Option("learning rate at the start", float),
        differs={LANGUAGE_MODEL: {"default": 2e-3}},
    ),
    Parameter(
        "learning_rate",
        "constant",
        None,
        """How the learning rate changes from epoch to epoch, see `numrnn.training.resolve_schedule`. A function takes
        the number of the epoch, from 0, and returns a factor of `learning_rate_init`.""",
        type='{"constant", "invscaling", "adaptive", "cosine"} or callable',
        option=Option("its schedule", ("constant", "invscaling", "adaptive", "cosine")),
    ),
    Parameter(
        "max_iter",
        100,
        (COUNT,),
        "Epochs: passes over X.",
        more='Iterations for "lbfgs".',
        option=Option("epochs", int),
        differs={LANGUAGE_MODEL: {"default": 10, "more": ""}},
    ),
    Parameter(
        "shuffle",
        True,
        ("boolean",),
        "Whether to draw new mini-batches in each epoch.",
        option=Option("shuffle the sequences in each epoch"),
        differs={LANGUAGE_MODEL: {"more": "One long text is always read in order."}},
    ),
    Parameter(
        "early_stopping",
        False,
        ("boolean",),
        """Whether to stop when the validation score no longer rises, and to restore the best weights. It is computed on
        `X_val`, `y_val` if `fit` gets them, else on a part of X, which is then not trained on.""",
        option=Option("hold some sequences out, and stop where their score stops rising"),
        differs={
            LANGUAGE_MODEL: {
                "text": """Whether to stop when the validation score no longer rises, and to restore the best weights.
                It is computed on `X_val` if `fit` gets it, else on a part of X, which is then not trained on: the end
                of one text, or some texts of a list."""
            }
        },
    ),
    Parameter(
        "validation_fraction",
        0.1,
        (Range(Real, 0, 1, closed="neither"),),
        "The part of X to hold out under `early_stopping`.",
        option=Option("fraction of the sequences held out by --early-stopping", float),
        differs={CLASSIFIER: {"more": "Each class is held out in the same proportion."}},
    ),
    Parameter(
        "tol",
        1e-4,
        (NOT_NEGATIVE,),
        "The least rise of the validation score that counts, under `early_stopping` only.",
        option=Option("least rise of the score that counts for --early-stopping", float),
        differs={LANGUAGE_MODEL: {"more": "The score is in nats."}},
    ),
    Parameter(
        "n_iter_no_change",
        10,
        (COUNT,),
        "Epochs without such a rise after which training stops, under `early_stopping` only.",
        option=Option("epochs without a rise after which --early-stopping stops", int),
    ),
    Parameter(
        "clip_norm",
        1.0,
        (None, POSITIVE),
        "Longer gradients, the L2 term included, are scaled to this Euclidean norm.",
        option=Option("largest norm of the gradient, or none", "number_or_none"),
        differs={LANGUAGE_MODEL: {"default": 5.0}},
    ),
    Parameter(
        "bptt_steps",
        None,
        (COUNT, None),
        """Truncated BPTT: sequences are trained in chunks of so many steps, with an update after each. States are
        carried from chunk to chunk and start at zero with a sequence, gradients end at a chunk's first step. Memory is
        that of a chunk. With ``output="sequence"`` the last chunk of a sequence has its target.""",
        option=Option("steps that gradients go back (default: all)", int),
        estimators=SUPERVISED,
    ),
    Parameter(
        "class_weight",
        None,
        (None, dict, Choice(("balanced",))),
        """Weights of the classes in the loss, by label. "balanced" weighs them by the inverse of their summed weights
        in y. Not for multi-label y.""",
        option=Option("balanced, or weights of classes: 1=2,3=0.5", "class_weights"),
        estimators=(CLASSIFIER,),
    ),
    Parameter(  # no option: a command has no earlier fit
        "warm_start",
        False,
        ("boolean",),
        "Whether `fit` goes on from the weights of the fit before.",
        differs={
            LANGUAGE_MODEL: {"text": "Whether `fit` goes on from the weights, and the vocabulary, of the fit before."},
            SEQ2SEQ: {"text": "Whether `fit` goes on from the weights, and the vocabularies, of the fit before."},
        },
    ),
    Parameter(
        "random_state",
        None,
        ("random_state",),
        """Of the first weights, the mini-batches, dropout and what is held out. The same int gives the same bits.""",
        option=Option("seed (0 unless given: the same command gives the same model)", "seed"),
    ),
    Parameter(
        "dtype",
        "float32",
        (Choice(("float32", "float64")), "float type"),
        "Of weights and arithmetic; sums of losses are float64 in any case.",
        type='{"float32", "float64"}',
        option=Option("precision"),
    ),
    Parameter(
        "device",
        "cpu",
        None,
        """Where to compute. "cuda": on an NVIDIA GPU, which needs the extra ``numrnn[cuda]``; where there is none, that
        is an error. Either device goes on with what the other one has trained.""",
        more="`predict_step` computes on the CPU.",
        type='{"cpu", "cuda"}',
        option=Option("where to compute", ("cpu", "cuda")),
        differs={LANGUAGE_MODEL: {"more": "`generate` and `stream` compute on the CPU."}, SEQ2SEQ: {"more": ""}},
    ),
    Parameter(
        "n_jobs",
        None,
        (None, Integral),
        """Threads. None means all cores that the process may use, but no more than the environment variables
        ``OMP_NUM_THREADS`` and ``NUMBA_NUM_THREADS``, which joblib sets in its processes, and one in joblib's threads
        and forks; -1 all cores. Small work gets fewer. Results do not depend on it.""",
        option=Option("threads, -1 for all cores", int),
        differs={LANGUAGE_MODEL: {"more": "Writing or scoring a text uses one thread."}},
    ),
    Parameter(
        "memory_limit",
        None,
        (None, COUNT, str),
        """Bytes that training may take beside the data, in this process: a number, or a text such as "512MB" or "2GiB".
        Where states of all steps take more, some are kept and the others made again, to the same bits: in a tenth of
        the memory in about 1.3 times the time. A limit that is too low is an error that says how much is needed.""",
        more="Bidirectional networks keep all states, so they are refused where these take more.",
        option=Option("memory of training beside the data: bytes, or 512MB, 2GiB", "number_or_name"),
        differs={
            LANGUAGE_MODEL: {
                "more": "With `bptt_steps` training takes little more than a chunk, whatever the length of texts."
            },
            SEQ2SEQ: {"more": "Encoder and decoder have half each, and that is what the error compares."},
        },
    ),
    Parameter(  # no option: --progress sets it
        "verbose",
        False,
        ("verbose",),
        """True shows a progress bar where somebody watches, 2 in any case. The logger "numrnn" gets a line an
        epoch.""",
    ),
    Parameter(  # no option: a command line has no functions
        "callbacks",
        None,
        (None, list, tuple),
        """With any of the methods ``on_fit_begin(info)``, ``on_progress(info)`` and ``on_epoch_end(info)``, which end
        training by returning True, and ``on_fit_end(info)``; `info` is a `numrnn.training.FitInfo`.""",
        type="list of objects or None",
    ),
)


def parameters_of(kind):
    """Return the rows of the parameters of a class, in the order of its signature, with what differs there."""
    return [row._replace(**row.differs.get(kind, {})) for row in TABLE if kind in row.estimators]


def choices_of(name):
    """Return the texts that a parameter may be, by its first row."""
    return next(row for row in TABLE if row.name == name).choices


def values_before(kind):
    """Return the values of parameters in files that do not have them: what `fit` did before they existed."""
    return {row.name: row.before for row in parameters_of(kind) if row.before is not IN_ALL_FILES}
