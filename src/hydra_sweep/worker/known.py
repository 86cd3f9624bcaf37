"""What is known of a trial before it is begun: the numbers that constraints ask for."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.space.compose import Composer
from hydra_sweep.space.constraints import distances
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.lists import values
from hydra_sweep.sweep import Sweep


class Known:
    """By a trial's parameters: those that are named themselves, values of the configuration that they make,
    and what the functions of `hydra.sweeper.measures` make of that."""

    def __init__(self, sweep: Sweep, composer: Composer) -> None:
        self.sweep = sweep
        self.composer = composer
        self.allowed: dict[tuple, bool] = {}
        self.names = {name for one in sweep.constraints for name in {*one.names} - one.told}

    def numbers(self, params: dict[str, Any]) -> dict[str, float]:
        """Of those names that have one: what a trial does not have binds it to nothing."""
        named = {key.lstrip("+"): value for key, value in values(params).items()}
        found = {name: named[name] for name in self.names & named.keys()}
        if others := self.names - found.keys():
            found |= self.composer.read(to_overrides(params), partial(self._read, others))
        return {name: value for name, value in found.items() if isinstance(value, int | float)}

    def distances(self, params: dict[str, Any]) -> dict[str, float]:
        """By how much the parameters break each constraint of which that can be told."""
        return distances(self.sweep.constraints, self.numbers(params)) if self.names else {}

    def allow(self, params: dict[str, Any]) -> bool:
        """Whether they break none; of a finite space, whose combinations are asked for again and again."""
        key = tuple(sorted(params.items()))
        if key not in self.allowed:
            self.allowed[key] = all(distance <= 0 for distance in self.distances(params).values())
        return self.allowed[key]

    def _read(self, names: Iterable[str], cfg: DictConfig) -> dict[str, Any]:
        measures = self.sweep.settings.measures
        return {
            name: get_method(measures[name])(cfg) if name in measures else OmegaConf.select(cfg, name)
            for name in names
        }
