"""Lists of variable length: a parameter for the length, `len(key)`, and one for each element, `key[0]` and
so on, which a trial has where its list is long enough. Together they are one override."""

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from hydra_sweep.space.text import parse, text_of

TAG = re.compile(r"list:(\d+)(?::(\d+))?")
LENGTH = re.compile(r"len\((.*)\)")
TIE = re.compile(r"\$\{([^${}]+)\}")
ELEMENT = re.compile(r"(.*)\[\d+\]")


def lengths(tags: set[str]) -> tuple[int, int] | None:
    """The least and the greatest length that a tag says, `list:1:3` or `list:2`; None: it is no list.
    Raises ValueError where no list is so long."""
    for tag in tags:
        if tag.partition(":")[0] == "list":
            found = TAG.fullmatch(tag)
            low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if low > high or not high:
                raise ValueError(f"tag {tag}: expected such as list:1:3 (from one to three), or list:2.")
            return low, high
    return None


def length(key: str) -> str:
    return f"len({key})"


def element(key: str, index: int) -> str:
    return f"{key}[{index}]"


def is_element(name: str, params: Mapping[str, Any]) -> bool:
    return bool((found := ELEMENT.fullmatch(name)) and length(found[1]) in params)


def key_of(name: str, names: Container[str]) -> str:
    """Of a part of a list, the list's; of other parameters, of which all `names` are, the name."""
    found = LENGTH.fullmatch(name) or ELEMENT.fullmatch(name)
    return found[1] if found and length(found[1]) in names else name


def parts(key: str, value: Any) -> dict[str, Any]:
    """The values of the parameters of a list, given as such or in Hydra's words. What is no list has no
    length."""
    listed = parse(f"key={value}").value() if isinstance(value, str) and value.startswith("[") else value
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return {length(key): value}
    return {length(key): len(listed), **{element(key, i): one for i, one in enumerate(listed)}}


def values(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as a user knows them: each list one, in Hydra's words, and what follows another
    parameter with the value of that."""
    shown: dict[str, Any] = {}
    for name, value in params.items():
        if found := LENGTH.fullmatch(name):
            names = [element(found[1], i) for i in range(value)]
            shown[found[1]] = text_of([_read(params[one]) for one in names if one in params])
        elif not is_element(name, params):
            shown[name] = value
    names = {name.lstrip("+"): name for name in shown}
    ties = {name: tie for name, value in shown.items() if (tie := TIE.fullmatch(str(value)))}
    return shown | {name: shown[names[tie[1]]] for name, tie in ties.items() if tie[1] in names}


def _read(value: Any) -> Any:
    """What the text of a choice stands for."""
    return parse(f"key={value}").value() if isinstance(value, str) else value


def in_words(low: int, high: int, element: str) -> str:
    return f"tag(list:{low}:{high}, {element})"
