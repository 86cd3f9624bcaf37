"""Those who search with Optuna: ours, the stock sweeper, Optuna alone; and what ours could be instead."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper.config import TPESamplerConfig
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

import hydra_sweep.configs
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.untried import Tried, Untried
from hydra_sweep.study.trials import Trials
from scripts.peers.environments import folder_with
from scripts.search.per_hour import PerHourTPE, seconds
from scripts.search.simulation import Contestant, load_once, simulate
from scripts.search.tables import FAMILIES, PACKAGE, Config, Table

NODES = Path(hydra_sweep.configs.__file__).parent / "hydra" / "sweeper" / "sampler" / "optuna"
MANY = 1_000_000

# the sampler of a trial, by its number and its worker
SamplerOf = Callable[[int, int], BaseSampler]


class OptunaSearch:
    def __init__(self, space: dict[str, BaseDistribution], sampler_of: SamplerOf) -> None:
        self.study = optuna.create_study()
        self.space = space
        self.sampler_of = sampler_of
        self.trials: list[optuna.Trial] = []

    def propose(self, number: int, worker: int) -> Config:
        self.study.sampler = self.sampler_of(number, worker)
        self.trials.append(self.study.ask(self.space))
        params = self.trials[-1].params  # a copy each time
        return tuple(params[name] for name in self.space)

    def tell(self, number: int, loss: float, seconds: float) -> None:
        self.study.tell(self.trials[number], loss)
        # as if it had taken so long: of a study in memory this is the trial itself
        told = self.study._storage._get_trial(self.trials[number]._trial_id)
        told.datetime_start = told.datetime_complete - timedelta(seconds=seconds)


def node(name: str, **changes: Any) -> DictConfig:
    """A sampler's, as it is shipped but for changes."""
    shipped = OmegaConf.load(NODES / f"{name}.yaml")
    return OmegaConf.merge(
        OmegaConf.masked_copy(shipped, [key for key in shipped if key != "defaults"]), changes
    )


def space_of(table: Table, as_choices: bool = False) -> dict[str, BaseDistribution]:
    return {
        name: IntDistribution(0, one.size - 1)
        if one.ordered and not as_choices
        else CategoricalDistribution(range(one.size))
        for name, one in table.space.items()
    }


def ours(sampler: str, table: Table, seed: int, as_choices: bool = False, **changes: Any) -> OptunaSearch:
    """As our workers do: a sampler for each trial, seeded by its number."""
    return _made_anew(node(sampler, **changes), space_of(table, as_choices), seed)


def nothing_twice(table: Table, seed: int) -> OptunaSearch:
    """As our workers do where the application is seeded."""
    search = ours("tpe", table, seed)
    tried = Tried(SearchSpace(search.space, []), Trials(search.study, MANY))
    sampler_of = search.sampler_of
    search.sampler_of = lambda number, worker: Untried(sampler_of(number, worker), tried)
    return search


def warm(table: Table, seed: int, earlier: int = 20, workers: int = 4) -> OptunaSearch:
    """After a sweep of so many trials of the family's next table: these are in the study from the start."""
    family, _, name = table.name.partition("/")
    names = FAMILIES[family].names
    other = load_once(folder_with(PACKAGE), f"{family}/{names[(names.index(name) + 1) % len(names)]}")
    search, before = ours("tpe", table, seed), ours("tpe", other, seed)
    simulate(other, before, seed, workers, earlier)
    search.study.add_trials(before.study.get_trials(states=[TrialState.COMPLETE]))
    sampler_of = search.sampler_of
    search.sampler_of = lambda number, worker: sampler_of(number + earlier, worker)
    return search


def more_at_random(table: Table, seed: int) -> OptunaSearch:
    return ours("tpe", table, seed, n_startup_trials=2 * len(table.space))


def per_hour(table: Table, seed: int, budget: int | None = None) -> OptunaSearch:
    """The gain counts per second; with `budget` less and less so, as so many trials' mean time is spent."""
    arguments = {key: value for key, value in node("tpe").items() if key not in ("_target_", "seed")}
    limit = budget and budget * np.nanmean(table.seconds)

    def sampler_of(number: int, _: int) -> BaseSampler:
        spent = sum(filter(None, map(seconds, search.study.get_trials(deepcopy=False)))) if limit else 0.0
        weight = max(0.0, 1 - spent / limit) if limit else 1.0
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        return PerHourTPE(weight, seed=own, **arguments)

    search = OptunaSearch(space_of(table), sampler_of)
    return search


def gp(table: Table, seed: int) -> OptunaSearch:
    return _made_anew(OmegaConf.create({"_target_": "optuna.samplers.GPSampler"}), space_of(table), seed)


def _made_anew(sampler: DictConfig, space: dict[str, BaseDistribution], seed: int) -> OptunaSearch:
    settings, searched = SimpleNamespace(sampler=sampler, seed=seed), SearchSpace(space, [])
    return OptunaSearch(space, lambda number, _: make_sampler(settings, searched, number))


def optuna_alone(table: Table, seed: int) -> OptunaSearch:
    """As several processes that run `study.optimize`: each has its sampler, seeded apart."""
    made: dict[int, BaseSampler] = {}

    def sampler_of(_: int, worker: int) -> BaseSampler:
        if worker not in made:
            own = int(np.random.SeedSequence([seed, worker]).generate_state(1)[0])
            made[worker] = TPESampler(seed=own)
        return made[worker]

    return OptunaSearch(space_of(table), sampler_of)


def stock(table: Table, seed: int) -> OptunaSearch:
    sampler = instantiate(OmegaConf.structured(TPESamplerConfig(seed=seed)))
    return OptunaSearch(space_of(table), lambda *_: sampler)


CONTESTANTS = {
    "ours": Contestant(partial(ours, "tpe")),
    "random": Contestant(partial(ours, "random")),
    "optuna": Contestant(optuna_alone),
    "hydra-optuna-sweeper": Contestant(stock, in_batches=True),
}
VARIANTS = {
    "multivariate=false": Contestant(partial(ours, "tpe", multivariate=False)),
    "group=true": Contestant(partial(ours, "tpe", multivariate=True, group=True)),
    "constant_liar=false": Contestant(partial(ours, "tpe", constant_liar=False)),
    "both false": Contestant(partial(ours, "tpe", multivariate=False, constant_liar=False)),
    "in batches": Contestant(partial(ours, "tpe"), in_batches=True),
    "n_startup_trials=2 a parameter": Contestant(more_at_random),
    "numbers as choice(…)": Contestant(partial(ours, "tpe", as_choices=True)),
    "nothing twice": Contestant(nothing_twice),
    "warm start": Contestant(warm),
    "gp": Contestant(gp),
    "per hour": Contestant(per_hour),
    "per hour, cooled over 60": Contestant(partial(per_hour, budget=60)),
}
