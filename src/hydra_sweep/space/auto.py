"""`hydra/sweeper/sampler=auto`: which sampler, by the rule of Optuna's AutoSampler.

https://hub.optuna.org/samplers/auto_sampler/. AutoSampler learns as it goes what the space is; a sweep
knows it before. Where trials may be pruned TPE is chosen too, which is ours: the others learn nothing of
such trials.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_sweep.errors import unknown
from hydra_sweep.settings import Settings
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.trials import Trials

# the node's _target_
AUTO = "auto"
# complete trials until the second sampler takes over: a Gaussian process takes ever longer
MOST_OF_FIRST = 250
# NSGA-II's objectives
FEW = 3


class _FirstGeneration:
    """Has the trials be the first generation of the genetic sampler that takes over."""

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict) -> dict[str, Any]:
        key = _genetic(len(study.directions))._get_generation_key()
        study._storage.set_trial_system_attr(trial._trial_id, key, 0)
        return super().sample_relative(study, trial, search_space)


class _GP(_FirstGeneration, GPSampler):
    pass


class _TPE(_FirstGeneration, TPESampler):
    pass


_OF_SEVERAL_OBJECTIVES = {GPSampler: _GP, TPESampler: _TPE}


@dataclass(frozen=True)
class Choice:
    """`then` takes over once MOST_OF_FIRST trials are complete."""

    first: type[BaseSampler]
    then: type[BaseSampler]
    why: str

    def __str__(self) -> str:
        then = f", {self.then.__name__} from {MOST_OF_FIRST} complete trials on"
        chosen = f"{self.first.__name__}{then if self.then != self.first else ''}"
        return f"hydra/sweeper/sampler=auto: {chosen}, for {self.why}."


def is_auto(node: Any) -> bool:
    return node.get("_target_") == AUTO


def choose(settings: Settings, space: SearchSpace) -> Choice:
    """Raises SweepError where the node has other arguments than a seed."""
    if wrong := [str(key) for key in settings.sampler if key not in ("_target_", "seed")]:
        raise unknown("argument", wrong[0], ["seed"])
    n = len(settings.directions)
    listed = [key for key, one in space.distributions.items() if isinstance(one, CategoricalDistribution)]
    of_list = f"{', '.join(listed)}: drawn of a list"
    if space.custom:
        return Choice(TPESampler, TPESampler, "custom_search_space may give each trial other parameters")
    if space.conditional:
        return Choice(TPESampler, TPESampler, "only some trials have some of the parameters")
    if n > 1:
        first = TPESampler if listed or n > FEW else GPSampler
        return Choice(first, _genetic(n), f"{n} objectives" + (f", {of_list}" if listed else ""))
    if listed:
        return Choice(TPESampler, TPESampler, of_list)
    if not settings.pruner["_target_"].endswith("NopPruner"):
        return Choice(TPESampler, TPESampler, "trials may be pruned (never with hydra/sweeper/pruner=none)")
    return Choice(GPSampler, CmaEsSampler, "numbers alone, and trials that are not pruned")


def make(settings: Settings, space: SearchSpace, seed: int | None, trials: Trials | None) -> BaseSampler:
    """The sampler for a trial, `trials` being those so far."""
    choice = choose(settings, space)
    goes_over = trials is not None and trials.n_ended[TrialState.COMPLETE] >= MOST_OF_FIRST
    cls = choice.then if goes_over else choice.first
    if cls is CmaEsSampler:
        return _cmaes(space, seed, trials)
    if len(settings.directions) > 1:
        cls = _OF_SEVERAL_OBJECTIVES.get(cls, cls)
    return cls(seed=seed)


def _cmaes(space: SearchSpace, seed: int | None, trials: Trials) -> BaseSampler:
    """Begins from what is known."""
    complete = (trial for trial in trials.ended if trial.state == TrialState.COMPLETE)
    known = list(islice(complete, MOST_OF_FIRST))
    if any(trial.constraints for trial in known):  # which CMA-ES does not know
        return TPESampler(seed=seed)
    return CmaEsSampler(seed=seed, source_trials=[_with(space, trial) for trial in known])


def _genetic(n_objectives: int) -> type[NSGAIISampler] | type[NSGAIIISampler]:
    return NSGAIISampler if n_objectives <= FEW else NSGAIIISampler


def _with(space: SearchSpace, trial: FrozenTrial) -> FrozenTrial:
    """The trial as CMA-ES takes it to begin from: without what has one value only."""
    varied = {key: one for key, one in space.distributions.items() if not one.single()}
    params = {key: trial.params[key] for key in varied}
    return create_trial(value=trial.value, params=params, distributions=varied)
