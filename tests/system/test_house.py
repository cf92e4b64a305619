"""Test the house rules that the source shows, see docs/design/house.rst."""

import ast
from pathlib import Path

import numrnn
from numrnn.network.components import CELLS

ROOT = Path(numrnn.__file__).parent
CLIENTS = {"cli", "inspection", "model_selection.py"}  # of the public interface: they are handed estimators
FILES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in ROOT.rglob("*.py")}
INSIDE = {name: tree for name, tree in FILES.items() if Path(name).parts[0] not in CLIENTS}
CONVERSION = {  # of what users pass: they alone ask for the class of data
    "data/conversion.py", "data/validation.py", "data/scaler.py", "data/readers/tables.py", "data/sequences.py",
    "data/shards/sequences.py", "data/shards/writer.py", "data/symbols/next_symbols.py", "data/symbols/vocabulary.py",
    "estimators/seq2seq/inputs.py", "estimators/targets.py",
}  # fmt: skip
KINDS = {"Sequences", "ShardedSequences", "DeviceSequences", "NextSymbols", "Pairs", "Held", "Chosen"}


def names_in(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_the_package_root_is_a_hall():
    assert sorted(path.name for path in ROOT.glob("*.py")) == [
        "__init__.py", "__main__.py", "model_selection.py", "versions.py",
    ]  # fmt: skip


def test_no_function_is_handed_an_estimator():
    allowed = {"solver_makes_passes"}  # scikit-learn's `available_if` calls it
    found = {
        f"{name}: {node.name}"
        for name, tree in INSIDE.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name not in allowed
        if {part.arg for part in node.args.args} & {"estimator", "model"}
    }
    assert found == {"estimators/precompile.py: _fitted"}  # it fits, as users do


def test_no_file_sets_attributes_of_an_estimator_that_is_not_self():
    found = {
        name
        for name, tree in INSIDE.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
        if node.value.id in ("estimator", "model")
    }
    assert not found


def test_only_conversion_asks_for_the_class_of_data():
    found = {
        name
        for name, tree in INSIDE.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        if names_in(node.args[1]) & KINDS
    }
    assert found <= CONVERSION


CUTS = {"replace", "removeprefix", "removesuffix", "partition", "rpartition", "rsplit"}  # of a text


def patches_of(handler):
    """Yield what a handler makes of the text of its error by cutting or replacing parts of it."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target, name = node.func.value, node.func.attr
            cuts = name in CUTS or name == "split" and node.args  # `" ".join(text.split())` makes one line of several
            if cuts and is_text_of(target, handler.name):
                yield ast.unparse(node)
            if names_in(target) == {"re"} and any(is_text_of(argument, handler.name) for argument in node.args):
                yield ast.unparse(node)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == f"str({handler.name})":  # for what follows
            yield ast.unparse(node)


def is_text_of(node, error):
    """Return whether an expression is `str(error)` or an f-string of it."""
    if isinstance(node, ast.JoinedStr):
        return error in names_in(node)
    return isinstance(node, ast.Call) and names_in(node) == {"str", error}


def test_no_message_of_an_error_is_patched():
    found = {
        f"{name}: {patch}"
        for name, tree in FILES.items()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and handler.name is not None
        for patch in patches_of(handler)
    }
    assert found == {"io/messages.py: text = str(error)"}  # `short_errors` cuts a long one


def test_only_components_and_kernels_compare_with_the_name_of_a_cell():
    found = {
        name
        for name, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and not name.startswith("kernels/")
        if any(isinstance(part, ast.Constant) and part.value in CELLS for part in ast.walk(node))
    }
    assert not found


def test_only_linking_uses_the_inside_of_numba():
    # in Numba's manual; numba.cuda belongs to another package
    public = {"config", "core.cgutils", "cuda", "extending", "float32", "float64", "njit", "types", "uint32"}
    found = set()
    for name, tree in FILES.items():
        for node in ast.walk(tree):
            modules = []
            if isinstance(node, ast.Import):
                modules = [part.name for part in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [f"{node.module}.{part.name}" for part in node.names]
            for module in modules:
                package, _, path = module.partition(".")
                is_public = any(path == known or path.startswith(f"{known}.") for known in public | {""})
                if package == "numba" and not is_public:
                    found.add(name)
    assert found == {"kernels/linking.py"}
