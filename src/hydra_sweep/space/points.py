"""Points of the space that the user names: `hydra.sweeper.enqueue`, and the configuration's defaults."""

import re
from collections.abc import Iterable
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_sweep.errors import SweepError, one_line, unknown
from hydra_sweep.space.compose import as_job, group_options
from hydra_sweep.space.grammar import SearchSpace, to_grammar, to_overrides
from hydra_sweep.space.text import parse
from hydra_sweep.space.values import read

DEFAULTS = "defaults"
WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\S)+""")
ENQUEUE = "hydra.sweeper.enqueue"
MISSING = object()


class Points:
    """The points that lines of `hydra.sweeper.enqueue` name, in the order of the space."""

    def __init__(self, space: SearchSpace, master: DictConfig, loader: ConfigLoader) -> None:
        self.space = space
        self.master = master
        self.loader = loader
        # by the keys without their +
        self.names = {name.lstrip("+"): name for name in space.distributions}

    def named(self, lines: Iterable[str]) -> list[dict[str, Any]]:
        """Each once. Raises SweepError where one is not in the space, or there is no such."""
        points: list[dict[str, Any]] = []
        for line in lines:
            if (point := self._named(line)) not in points:
                points.append(point)
        return points

    def defaults(self) -> dict[str, Any]:
        """What the configuration has for the searched keys, where that is in the space."""
        found, _ = self._of_configuration([])
        return self._ordered(found)

    def _named(self, line: str) -> dict[str, Any]:
        given: dict[str, Any] = {}
        groups: list[str] = []
        for word in [] if line.strip() == DEFAULTS else WORD.findall(line):
            override = parse(word)
            key = override.get_key_element().lstrip("+")
            if override.is_sweep_override():
                raise SweepError(f"{ENQUEUE}: {word}: expected a value, got a search.")
            if name := self.names.get(key):
                given[name] = self._read(name, override.value(), f"{ENQUEUE}: {line}: {key}")
            elif options := group_options(self.loader, self.master, override.key_or_group):
                if isinstance(override.value(), str) and override.value() not in options:
                    raise unknown(f"choice of {override.key_or_group}", str(override.value()), options)
                groups.append(word)
            else:
                raise unknown(f"key of {ENQUEUE}", key, [*self.names, DEFAULTS])
        if groups or not given:
            found, outside = self._of_configuration(groups)
            if wrong := sorted(outside.keys() - given.keys()):
                raise SweepError(f"{ENQUEUE}: {line}: {outside[wrong[0]]}")
            given = {**found, **given}
        if not given:
            raise SweepError(f"{ENQUEUE}: {line}: it gives none of the searched keys a value.")
        return self._ordered(given)

    def _of_configuration(self, groups: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The values of the searched keys, with these choices of config groups; and what is to be said of
        those outside the space. A key that is not there, or has no value yet, is left open."""
        chosen = {word.lstrip("+").partition("=")[0] for word in groups}
        fixed = [one for one in self.space.fixed if one.lstrip("+").partition("=")[0] not in chosen]
        found, outside = {}, {}
        try:
            config = as_job(self.loader.load_sweep_config(self.master, [*fixed, *groups]), 0, "0")
            for key, name in self.names.items():
                value, is_there = self._select(config, key)
                if not is_there:
                    continue
                try:
                    found[name] = self._read(name, value, key)
                except SweepError as error:
                    outside[name] = str(error)
        except (HydraException, OmegaConfBaseException) as error:
            raise SweepError(f"{ENQUEUE}: {' '.join(groups) or DEFAULTS}: {one_line(error)}") from None
        return found, outside

    def _select(self, config: DictConfig, key: str) -> tuple[Any, bool]:
        if self._is_group(key):
            return config.hydra.runtime.choices.get(key), key in config.hydra.runtime.choices
        value = OmegaConf.select(config, key, default=MISSING)
        return value, value is not MISSING

    def _is_group(self, key: str) -> bool:
        return bool(group_options(self.loader, self.master, key.partition("@")[0]))

    def _read(self, name: str, value: Any, what: str) -> Any:
        distribution = self.space.distributions[name]
        try:
            return read(distribution, value, self._is_group(name.lstrip("+")))
        except ValueError:
            shown = to_overrides({what: value})[0]
            raise SweepError(f"{shown} is outside of {to_grammar(distribution)}.") from None

    def _ordered(self, point: dict[str, Any]) -> dict[str, Any]:
        return {name: point[name] for name in self.space.distributions if name in point}
