"""Options from a TOML file."""

from pathlib import Path

from numrnn.cli.arguments import UsageError

__all__ = ["over_config"]

# options of the command line that make no sense in a file
NOT_IN_FILES = ("help", "config")
MOST_DOTS = 1000  # of a line: a key of 50,000 parts takes tomllib a minute and 9 GB


def over_config(parser, arguments):
    """The options given, over those of the config file."""
    given = {name: value for name, value in vars(arguments).items() if name not in ("run", "config")}
    if arguments.config is None:
        return given
    try:
        from_file = vars(parser.parse_args(_as_arguments(_read(arguments.config))))
    except (UsageError, ValueError, RecursionError) as error:
        raise UsageError(f"{arguments.config}: {error}") from error
    return {name: value for name, value in from_file.items() if name not in ("run", "config")} | given


def _read(path):
    import tomllib

    try:
        text = Path(path).read_bytes().decode()
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {MOST_DOTS} dots")
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(error.strerror) from error
    except (ValueError, RecursionError) as error:  # TOML's own errors, and bytes that are not UTF-8
        raise UsageError(f"not TOML: {error}") from error


def _as_arguments(entries):
    """The config file's entries as command-line arguments: one parser, one set of checks and errors for both."""
    # after "--" even a name that begins with "-" is no option
    data = ["--", str(entries.pop("data"))] if "data" in entries else []
    words = []
    for name, value in entries.items():
        option = name.replace("_", "-")
        if option in NOT_IN_FILES:
            raise UsageError(f"unrecognized arguments: --{option}")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, list):
            words.append(f"--{option}=" + ",".join(map(str, value)))
        elif isinstance(value, dict):
            words.append(f"--{option}=" + ",".join(f"{key}={item}" for key, item in value.items()))
        else:
            words.append(f"--{option}={value}")
    return words + data
