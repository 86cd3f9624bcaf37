"""Values and the text by which an override gives them: Hydra's grammar, read and written."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra._internal.grammar import grammar_functions
from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import Override, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException

from hydra_sweep.errors import SweepError

# what the grammar takes for a function's name, known or misspelt
CALL = re.compile(r"\s*\w+\(")


def parse(line: str) -> Override:
    """Raises SweepError where Hydra does not take it."""
    try:
        return OverridesParser(_functions()).parse_overrides([line])[0]
    except HydraException as error:
        # Hydra repeats the override, says what is wrong, and points at its manual.
        said = [text for text in str(error).splitlines() if "override" not in text]
        raise SweepError(f"{line}: {' '.join(said) or error}") from None


def _functions() -> Any:
    """Hydra's, of which `choice` and `shuffle` take null as well, as `a,null` does. A range stays as it is
    when sorted: Hydra would move its end, which for us is part of it. A tag leaves those inside it."""
    functions = create_functions()
    functions.functions["sort"] = _sort
    functions.functions["tag"] = _tag
    for name in ("choice", "shuffle"):
        signature = functions.definitions[name]
        anything = [one.replace(annotation=Any) for one in signature.parameters.values()]
        functions.definitions[name] = signature.replace(parameters=anything)
    return functions


def _sort(*values: Any, **named: Any) -> Any:
    is_range = len(values) == 1 and isinstance(values[0], RangeSweep)
    return values[0] if is_range else grammar_functions.sort(*values, **named)


def _tag(*values: Any, sweep: Any = None) -> Any:
    tagged = values[-1] if sweep is None else sweep
    inside = getattr(tagged, "tags", set())
    tagged = grammar_functions.tag(*values, sweep=sweep)
    tagged.tags = tagged.tags | inside
    return tagged


def text_of(value: Any) -> str:
    """The text that Hydra reads as the value, a plain one: with the same type, and as short as may be."""
    if isinstance(value, str | QuotedString):
        return _text_of_str(value if isinstance(value, str) else value.text)
    if isinstance(value, Mapping):
        pairs = (f"{_text_of_key(key)}:{_inner(one)}" for key, one in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, Sequence):
        return f"[{','.join(map(_inner, value))}]"
    return scalar(value)


def scalar(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def text_of_option(value: Any) -> str:
    """The text that Hydra reads as the choice of a config group, whose names are text also where they look
    like numbers. Nothing, which null means in a defaults list, is an empty list of options."""
    if value is None:
        return "[]"
    if isinstance(value, list):
        return f"[{','.join(map(text_of_option, value))}]"
    return text_of(value if isinstance(value, Mapping | QuotedString) else scalar(value))


def text_of_yaml(key: str, value: Any, is_group: bool) -> str:
    """What `hydra.sweeper.params` says of a key, in Hydra's grammar, of which its texts may be. What is
    no text, and a text that the grammar does not know or would take for a number, is what yaml says."""
    if isinstance(value, str) and _is_grammar(key, value):
        return value
    text = text_of_option(value) if is_group else text_of(value)
    if not is_group and parse(f"{key}={text}").value() != value:
        raise SweepError(f"hydra.sweeper.params.{key}: {value!r} cannot be written as an override.")
    return text


def _is_grammar(key: str, text: str) -> bool:
    if CALL.match(text):
        return True
    try:
        override = parse(f"{key}={text}")
    except SweepError:
        return False
    written = isinstance(override._value, QuotedString | list | dict) or "\\" in text
    return override.is_sweep_override() or written


def _text_of_str(text: str) -> str:
    try:
        same = text.strip() and parse(f"key={text}").value() == text
    except SweepError:
        same = False
    return text if same else _quoted(text)


def _inner(value: Any) -> str:
    """As part of a list or a dictionary, where more characters have a meaning."""
    if isinstance(value, str | QuotedString):
        text = value if isinstance(value, str) else value.text
        return _text_of_str(text) if text.isidentifier() else _quoted(text)
    return text_of(value)


def _text_of_key(key: Any) -> str:
    # Hydra takes no key in quotes.
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", key) if isinstance(key, str) else scalar(key)


def _quoted(text: str) -> str:
    return QuotedString(text, Quote.single).with_quotes()
