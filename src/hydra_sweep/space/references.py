"""`${key}` in the text of a parameter, where `key` is another's: the value that this has in the trial."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString, RangeSweep
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_sweep.errors import SweepError
from hydra_sweep.space.search_space import Bounds
from hydra_sweep.space.text import parse

REFERENCE = re.compile(r"(?<!\\)\$\{([^${}]+)\}")
RANGE = re.compile(r"\b(interval|range)\(")
# The grammar takes numbers only for the ends of a range: from here on each stands for a reference.
FIRST = 1 << 40


def escape(config: DictConfig) -> None:
    """Has references of the search space stay, which would resolve to what the configuration says."""
    params = config.hydra.sweeper.get("params")
    if not OmegaConf.is_dict(params):
        return
    raw = OmegaConf.to_container(params, resolve=False)
    task = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    names = {name(key) for key in (*_keys(raw), *(line.partition("=")[0] for line in task))}
    with open_dict(config):
        config.hydra.sweeper.params = _escaped(raw, names)


def plain_params(config: DictConfig) -> Any:
    """What `hydra.sweeper.params` says, resolved but for references. Hydra hands it over resolved twice."""
    params = config.hydra.sweeper.get("params")
    return OmegaConf.to_container(params, resolve=True) if OmegaConf.is_config(params) else params


def name(key: str) -> str:
    """What a reference calls the parameter of a key."""
    return key.lstrip("+")


class References:
    """The references in the ranges of a space, each as a number that the grammar takes."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = {name(key): key for key in keys}
        self.numbers: dict[str, int] = {}

    def parse(self, line: str) -> Override:
        if not RANGE.search(line):
            return parse(line)
        try:
            override = parse(REFERENCE.sub(self._number, line))
        except SweepError as error:
            raise SweepError(self._as_written(str(error))) from None
        override.input_line = line
        return override

    def unquoted(self, override: Override) -> Override:
        """Of the command line, where Hydra itself takes a range with a reference only as a quoted text."""
        text, key = override._value, override.get_key_element()
        is_range = isinstance(text, QuotedString) and RANGE.search(text.text)
        if not is_range or not any(name in self.keys for name in REFERENCE.findall(text.text)):
            return override
        return self.parse(f"{key}={text.text}")

    def of(self, override: Override) -> Bounds:
        """The keys that its range refers to.

        Raises SweepError where a range with a step begins at one: its values would be others each time.
        """
        sweep, keys = override.value(), {number: self.keys[one] for one, number in self.numbers.items()}
        if isinstance(sweep, IntervalSweep):
            return Bounds(keys.get(sweep.start), keys.get(sweep.end))
        if isinstance(sweep, RangeSweep):
            if sweep.start in keys:
                raise SweepError(f"{override.input_line}: expected a number to begin with.")
            return Bounds(None, keys.get(sweep.stop))
        return Bounds()

    def _as_written(self, text: str) -> str:
        for one, number in self.numbers.items():
            text = text.replace(str(number), f"${{{one}}}")
        return text

    def _number(self, found: re.Match) -> str:
        if found[1] not in self.keys:
            return found[0]
        return str(self.numbers.setdefault(found[1], FIRST + len(self.numbers)))


def with_ends(override: Override, low: float | None, high: float | None) -> None:
    """Puts numbers in the place of the references in its range."""
    start, stop = ("start", "end") if isinstance(override._value, IntervalSweep) else ("start", "stop")
    ends = {start: low, stop: high}
    override._value = replace(
        override._value, **{end: number for end, number in ends.items() if number is not None}
    )


def _keys(node: Mapping[str, Any], path: str = "") -> Iterable[str]:
    for key, value in node.items():
        yield f"{path}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{path}{key}.")


def _escaped(node: Any, names: set[str], own: str = "") -> Any:
    if isinstance(node, dict):
        return {key: _escaped(one, names, f"{own}.{key}" if own else str(key)) for key, one in node.items()}
    if not isinstance(node, str):
        return node
    others = names - {name(own)}
    return REFERENCE.sub(lambda found: "\\" * (found[1] in others) + found[0], node)
