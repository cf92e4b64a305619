"""Print every error, warning and log line of numrnn as ``file:line: kind: text``.

``python tests/messages.py`` prints them in the order of the files, so that all messages can be read as a user meets
them. Braces stand for values; local variables that hold a part of a message are replaced by their texts.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOGS = ("warn", "warning", "info", "error")


def kind_of(call):
    """Return the kind of the message that a call makes: its exception, or the function that warns; or None."""
    name = ast.unparse(call.func).rpartition(".")[2]
    return name if name.endswith(("Error", "Failure", "Warning")) or name in LOGS else None


def text_of(node, variables):
    """Return the text of an expression, or None if it has none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return variables.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, variables) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, variables) or f"{{{ast.unparse(node.value)}}}"
    if isinstance(node, ast.IfExp):
        choices = [text_of(part, variables) for part in (node.body, node.orelse)]
        return f"[{' | '.join(text or '' for text in choices)}]" if any(choices) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [text_of(part, variables) for part in (node.left, node.right)]
        return "".join(text or "{}" for text in parts) if any(parts) else None
    return None


def messages_of(tree):
    """Yield line, kind and text of each message in a module."""
    found, nodes = {}, sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0))
    for function in [tree, *(node for node in nodes if isinstance(node, ast.FunctionDef))]:
        variables = {}
        inside = (node for node in ast.walk(function) if isinstance(node, (ast.Assign, ast.Call)))
        for node in sorted(inside, key=lambda node: node.lineno):
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                variables |= dict.fromkeys(names, text_of(node.value, variables))
            elif kind_of(node) is not None:
                texts = [text_of(argument, variables) for argument in node.args]
                found[node.lineno, node.col_offset] = kind_of(node), " ; ".join(filter(None, texts))
    yield from ((line, kind, text) for (line, _), (kind, text) in sorted(found.items()) if text.strip(" ;"))


if __name__ == "__main__":
    for path in sorted((ROOT / "numrnn").rglob("*.py")):
        for line, kind, text in messages_of(ast.parse(path.read_text(encoding="utf-8"))):
            print(f"{path.relative_to(ROOT)}:{line}: {kind}: {text}")
