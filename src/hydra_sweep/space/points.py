"""Points of the space that the user names: `hydra.sweeper.enqueue`, and the configuration's defaults."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import BaseDistribution

from hydra_sweep.errors import DOES_NOT_COMPOSE, SweepError, one_line, unknown
from hydra_sweep.space.compose import as_job, group_options
from hydra_sweep.space.given import given
from hydra_sweep.space.grammar import in_words
from hydra_sweep.space.search_space import SearchSpace
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
        self.names = {name.lstrip("+"): name for name in in_words(space)}

    def named(self, lines: Iterable[str]) -> list[dict[str, Any]]:
        """Each once. Raises SweepError where one is not in the space, or there is no such."""
        points: list[dict[str, Any]] = []
        for line in lines:
            if (point := self._named(line)) not in points:
                points.append(point)
        return points

    def defaults(self, groups: Sequence[str] = ()) -> dict[str, Any]:
        """The values of the searched keys, with these choices of config groups. A key that is not there, or
        has no value yet, is left open, and so is one of which the space has one value only."""
        chosen = {word.lstrip("+").partition("=")[0] for word in groups}
        fixed = [one for one in self.space.fixed if one.lstrip("+").partition("=")[0] not in chosen]
        try:
            config = as_job(self.loader.load_sweep_config(self.master, [*fixed, *groups]), 0, "0")
            found = {key: self._select(config, key) for key in self.names if not self._is_settled(key)}
        except DOES_NOT_COMPOSE as error:
            raise SweepError(f"{ENQUEUE}: {' '.join(groups) or DEFAULTS}: {one_line(error)}") from None
        return {key: value for key, value in found.items() if value is not MISSING}

    def read(self, key: str, distribution: BaseDistribution, value: Any) -> Any:
        """Raises ValueError where the distribution does not have it."""
        return read(distribution, value, self._is_group(key))

    def _named(self, line: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        groups: list[str] = []
        for word in [] if line.strip() == DEFAULTS else WORD.findall(line):
            override = parse(word)
            key = override.get_key_element().lstrip("+")
            if override.is_sweep_override():
                raise SweepError(f"{ENQUEUE}: {word}: expected a value, got a search.")
            if key in self.names:
                values[key] = override.value()
            elif options := group_options(self.loader, self.master, override.key_or_group):
                if isinstance(override.value(), str) and override.value() not in options:
                    raise unknown(f"choice of {override.key_or_group}", str(override.value()), options)
                groups.append(word)
            else:
                raise unknown(f"key of {ENQUEUE}", key, [*self.names, DEFAULTS])
        known = self.defaults(groups) if groups or not values else {}
        point = given(self.space, {**known, **values}, self.read)
        # what the configuration has for other trials is no mistake
        wrong = point.outside | {key: said for key, said in point.apart.items() if key in values}
        if wrong:
            raise SweepError(f"{ENQUEUE}: {line}: {wrong[min(wrong)]}.")
        if not point.params:
            raise SweepError(f"{ENQUEUE}: {line}: it gives none of the searched keys a value.")
        return point.params

    def _is_settled(self, key: str) -> bool:
        one = self.space.distributions.get(self.names[key])
        return one is not None and one.single()

    def _select(self, config: DictConfig, key: str) -> Any:
        if self._is_group(key):
            return config.hydra.runtime.choices.get(key, MISSING)
        return OmegaConf.select(config, key, default=MISSING)

    def _is_group(self, key: str) -> bool:
        return bool(group_options(self.loader, self.master, key.partition("@")[0]))
