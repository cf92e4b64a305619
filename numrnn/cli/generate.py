"""Run ``numrnn generate``: generate text with a language model."""

from numrnn.cli.options import UsageError, names_options, seed

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "generate",
        help="generate text with a language model",
        description="Continue a text with a model of 'numrnn fit TEXT --task language-model', and print the "
        "continuation symbol by symbol, without the prompt. Generation uses the CPU, wherever the model was trained.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file, or output directory of numrnn fit")
    text = "text to continue (default: start a new text, for models of 'numrnn fit --boundaries')"
    parser.add_argument("--prompt", metavar="TEXT", help=text)
    text = "largest number of symbols (default: 500)"
    parser.add_argument("--length", type=int, default=500, metavar="N", help=text)
    text = "text at which generation stops; may be repeated"
    parser.add_argument("--stop", action="append", metavar="TEXT", help=text)
    text = "divisor of the logits; 0 chooses the most likely symbol (default: 1.0)"
    parser.add_argument("--temperature", type=float, default=1.0, metavar="VALUE", help=text)
    parser.add_argument("--top-k", type=int, metavar="N", help="sample from the N most probable symbols only")
    text = "sample from the fewest symbols that together have this probability"
    parser.add_argument("--top-p", type=float, metavar="VALUE", help=text)
    parser.add_argument("--random-state", type=seed, metavar="N", help="seed; the same seed returns the same text")
    parser.set_defaults(run=run)


def run(arguments):
    """Print the generated text."""
    from numrnn.cli.data import read_model
    from numrnn.cli.training_run import is_language_model

    model = read_model(arguments.model)
    if not is_language_model(model):
        raise UsageError(f"{arguments.model}: {type(model).__name__} does not generate text; pass a language model")
    if model.vocabulary_ is None:
        raise UsageError(f"{arguments.model}: it was fitted on symbols, not on text; use its generate in Python")
    if arguments.prompt is None:
        if model.end_symbol_ is None:
            way = "pass --prompt TEXT, or fit with --boundaries"
            raise UsageError(f"--prompt is missing: the model has not learned how texts begin; {way}")
        arguments.prompt = ""
    names = ("prompt", "length", "temperature", "top_k", "top_p", "random_state", "stop")
    with names_options(*names):
        symbols = model.stream(**{name: getattr(arguments, name) for name in names})
    separator = " " if model.vocabulary_.unit == "token" else ""
    try:
        for i, symbol in enumerate(symbols):
            print(separator if i else "", symbol, sep="", end="", flush=True)
        print(flush=True)
    except KeyboardInterrupt:
        # Ctrl-C is the normal way to stop: there is no error message, but status 1, since the text is incomplete.
        print(flush=True)
        raise SystemExit(1) from None
