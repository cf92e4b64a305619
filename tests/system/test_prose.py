"""Check the form of docstrings and the length of lines; ruff checks the rest (see ruff.toml)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERBS = set((ROOT / "tests" / "support" / "verbs.txt").read_text(encoding="utf-8").split())
FOLDERS = ("numrnn", "tests", "benchmarks", "docs")
EXAMPLES = ROOT / "docs" / "examples"  # sphinx-gallery scripts: their module docstrings begin with a title
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def files(suffix):
    """Return the files of the project with a suffix, without those that are built."""
    built = ("docs/_build", "docs/gallery", "docs/api/", "docs/sg_execution_times")
    found = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob(f"*{suffix}")))
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(built)]


def faults(doc):
    """Return what is wrong with the first line of a docstring."""
    first, *others = doc.split("\n")
    if others and others[0].strip():
        yield "the first line must be a whole sentence, followed by an empty line"
    if not first.endswith("."):
        yield "the first line must end with a full stop"
    if re.search(r"[a-z0-9)`][.!?] [A-Z]", first):
        yield "the first line must be one sentence"
    verb = first.split()[0].rstrip(",") if first.split() else ""
    if verb.lower() not in VERBS or verb != verb.capitalize():
        yield f"the first line must begin with an imperative verb of tests/support/verbs.txt, not {verb!r}"


def docstring_faults(path):
    """Return the faults of the docstrings of a file, each with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        doc = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if doc is not None and not (isinstance(node, ast.Module) and EXAMPLES in path.parents):
            for fault in faults(doc):
                yield f"{path.relative_to(ROOT)}:{node.body[0].lineno}: {fault}"


def test_docstrings_begin_with_one_sentence_in_the_imperative():
    """Check the first line of every docstring."""
    found = [fault for path in files(".py") for fault in docstring_faults(path)]
    assert not found, f"{len(found)} faults:\n" + "\n".join(found)


@pytest.mark.parametrize("suffix", [".py", ".rst"])
def test_lines_have_at_most_120_characters(suffix):
    """Check the length of lines of code and prose."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for path in files(suffix)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert not found, f"{len(found)} lines:\n" + "\n".join(found)
