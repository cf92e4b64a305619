"""Write the constructors and the Parameters sections of the estimators from the table of their parameters.

``python tests/parameter_table.py`` rewrites the source files of this checkout. With ``--check``, it changes nothing,
names the stale files and exits with status 1. `tests/estimators/test_parameter_table.py` runs the check.
"""

import re
import runpy
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[1] / "numrnn" / "estimators"
FILES = {
    "RNNClassifier": "classifier.py",
    "RNNRegressor": "regressor.py",
    "RNNLanguageModel": "language_model/estimator.py",
    "RNNSeq2Seq": "seq2seq/estimator.py",
}
BEGIN, END = "    # begin of generated code: tests/parameter_table.py\n", "    # end of generated code\n"
INDENT, WIDTH = " " * 8, 120

_NAMES = {"boolean": "bool", "vocabulary": "numrnn.data.Vocabulary", "verbose": "bool or int"}
_NAMES |= {"random_state": "int, RandomState instance or None", "Integral": "int", "Real": "float"}
_HINTS = {"boolean": "bool", "Integral": "int", "Real": "float"}


def rewritten(source, estimator, rows):
    """Return the source of a module with the constructor and the Parameters section of one class rewritten."""
    parts = {
        f"class {estimator}\\(.*?\n    Parameters\n    -+\n(.*?)\n    [A-Z][A-Za-z ]+\n    -+\n": section(rows),
        f"class {estimator}\\(.*?{BEGIN}(.*?){END}": constructor(rows),
    }
    for pattern, text in parts.items():
        found = re.search(pattern, source, re.DOTALL)
        if found is None:
            raise ValueError(f"{estimator}: there is no Parameters section, or no pair of markers around a constructor")
        source = source[: found.start(1)] + text + source[found.end(1) :]
    return source


def constructor(rows):
    """Return ``def __init__``, whose first parameter may be positional, and its assignments."""
    first, *others = (f"{INDENT}{row.name}: {annotation(row)} = {written(row.default)},\n" for row in rows)
    stored = "".join(f"{INDENT}self.{row.name} = {row.name}\n" for row in rows)
    return f"    def __init__(\n{INDENT}self,\n{first}{INDENT}*,\n{''.join(others)}    ):\n{stored}\n"


def annotation(row):
    """Return the type annotation of a parameter, with None at the end."""
    if row.annotation:
        return row.annotation
    return " | ".join(map(_hint, sorted(row.allows, key=lambda allowed: allowed is None)))


def _hint(allowed):
    if hasattr(allowed, "texts"):
        return f"Literal[{', '.join(map(written, allowed.texts))}]"
    name = getattr(getattr(allowed, "kind", allowed), "__name__", str(allowed))
    return _HINTS.get(name, name)


def section(rows):
    """Return the entries of a Parameters section."""
    return "".join(
        f"    {row.name} : {row.type or type_of(row.allows)}, default={written(row.default)}\n"
        + textwrap.fill(
            " ".join(f"{row.text} {row.more}".split()),
            WIDTH,
            initial_indent=INDENT,
            subsequent_indent=INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
        for row in rows
    )


def type_of(allows):
    """Return the type that the Parameters section shows, with None at the end."""
    names = [_type(allowed, alone=len(allows) == 1) for allowed in sorted(allows, key=lambda allowed: allowed is None)]
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _type(allowed, alone):
    if hasattr(allowed, "texts"):  # not isinstance: running the module creates classes of its own
        texts = ", ".join(map(written, allowed.texts))
        return "{" + texts + "}" if alone or len(allowed.texts) > 1 else texts
    name = getattr(getattr(allowed, "kind", allowed), "__name__", str(allowed))
    return _NAMES.get(name, name)


def written(value):
    """Return a default as Python source: texts in double quotes, small floats as 1e-3."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float) and 0 < value < 0.01:
        return f"{Decimal(repr(value)):e}"
    return repr(value)


def stale(write=False):
    """Return the files that differ from the table of this checkout; rewrite them with `write`."""
    table = runpy.run_path(str(ROOT / "parameter_table.py"))
    found = []
    for estimator, name in FILES.items():
        path = ROOT / name
        source = path.read_text(encoding="utf-8")
        text = rewritten(source, estimator, table["parameters_of"](estimator))
        if text != source:
            found.append(path)
            if write:
                path.write_text(text, encoding="utf-8")
    return found


if __name__ == "__main__":
    checks = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not checks:
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    files = stale(write=not checks)
    for path in files:
        print(f"{path}: {'stale; run python tests/parameter_table.py' if checks else 'rewritten'}")
    sys.exit(bool(files and checks))
