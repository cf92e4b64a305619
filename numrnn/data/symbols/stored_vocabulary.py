"""Read vocabularies from model files, including those of earlier versions."""

from numrnn.data.symbols.units import FORMS, OLD_RULE, RULE
from numrnn.io.messages import InputError, shown

__all__ = ["check_symbols", "completed", "completed_parameters"]

_FIRST = {"unit", "max_symbols", "lowercase"}  # parameters in files of the first version
_LATER = {"unknown", "normalization"}
_LEARNT = {"symbols", "form", "rule", "versions"}


def completed_parameters(params):
    """Add the parameters that older files lack, with values that keep the behaviour of the stored vocabularies."""
    older = {"unknown": params.get("unit") == "token" or params.get("max_symbols") is not None, "normalization": None}
    return {"last": None} | older | params


def completed(content):
    """Return parameters and learned attributes of a stored vocabulary as two dicts.

    `content` is a result of `Vocabulary.to_dict`, possibly of an earlier version; anything else raises a ValueError.
    """
    keys = set(content)
    if keys | {"last"} == _FIRST | {"last", "symbols"}:
        rule = OLD_RULE if content["unit"] == "token" else None
        content = completed_parameters(content) | {"form": None, "rule": rule, "versions": {}}
    elif keys != _FIRST | _LATER | _LEARNT | {"last"}:
        raise InputError("content", (), f": must have the keys that to_dict returns, got {shown(sorted(content))}")
    params = {name: value for name, value in content.items() if name not in _LEARNT}
    learnt = {name: content[name] for name in _LEARNT}
    _check_learnt(params, learnt)
    return params, learnt


def _check_learnt(params, learnt):
    is_token, rule, form, versions = params["unit"] == "token", learnt["rule"], learnt["form"], learnt["versions"]
    rules = (RULE, OLD_RULE) if is_token else (None,)
    if not any(rule is known or rule == known for known in rules):
        raise _wrong("rule", rule, f"one of {shown(rules)} with unit={shown(params['unit'])}")
    asked = params["normalization"]
    asked = ("NFC" if is_token else None) if asked == "auto" else asked
    if form != asked or form not in (None, *FORMS):
        raise _wrong("form", form, f"{shown(asked)} with normalization={shown(params['normalization'])}")
    texts = isinstance(versions, dict) and all(isinstance(text, str) for pair in versions.items() for text in pair)
    if not texts:
        raise _wrong("versions", versions, "a dict of str to str")


def _wrong(key, value, expected):
    return InputError(f"content[{key!r}]", (), f"={shown(value)}: must be {expected}")


def check_symbols(symbols, first, single):
    """Raise an InputError if symbols are not distinct str, or the first symbol is not `first` (None allows any).

    With `single`, every symbol must be a single character.
    """
    if first is not None and symbols[:1] != (first,):
        raise _wrong("symbols", symbols, f"a list that begins with {first!r}")
    if not symbols or not all(isinstance(symbol, str) for symbol in symbols) or len(set(symbols)) < len(symbols):
        raise _wrong("symbols", symbols, "a list of distinct str, at least one")
    if single and set(map(len, symbols)) != {1}:
        raise _wrong("symbols", symbols, "a list of single characters with unit='character'")
