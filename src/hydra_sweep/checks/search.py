"""Whether sampler, pruner, space and directions go together."""

from collections.abc import Iterator
from importlib.util import find_spec

from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space import auto
from hydra_sweep.space.grammar import to_grammar
from hydra_sweep.space.lists import key_of
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.sweep import Sweep

# what Optuna imports late: when there is something to learn from, or in a trial
PACKAGES = {
    "CmaEsSampler": ("cmaes",),
    "GPSampler": ("scipy", "torch"),
    "QMCSampler": ("scipy",),
    "WilcoxonPruner": ("scipy",),
}
# these learn from complete trials alone
LEARN_NOTHING_OF_PRUNED = ("CmaEsSampler", "GPSampler", "NSGAIISampler", "NSGAIIISampler")
# these draw at random what is not in every trial
OF_ALL_TRIALS = ("CmaEsSampler", "GPSampler", "NSGAIISampler", "NSGAIIISampler")


def check_search(sweep: Sweep) -> list[str]:
    """What is to be said of them, a line each.

    Raises SweepError where the sampler would not search, or a package is missing.
    """
    settings, space = sweep.settings, sweep.space
    for wrong in _unpromotable(settings):
        raise SweepError(f"hydra.sweeper.pruner.{wrong}")
    if auto.is_auto(settings.sampler):
        chosen = auto.choose(settings, space)
        _check_packages(chosen.first.__name__, chosen.then.__name__, _name(settings.pruner))
        return [str(chosen), *_of_pruner(settings, "")]
    sampler = _name(settings.sampler)
    _check_packages(sampler, _name(settings.pruner))
    for wrong in _unsearchable(settings, space, sampler):
        raise SweepError(f"{sampler} {wrong}")
    return [*_of_space(space, sampler), *_of_pruner(settings, sampler)]


def _check_packages(*names: str) -> None:
    for name in names:
        for package in PACKAGES.get(name, ()):
            if not find_spec(package):
                raise SweepError(f"{name} needs what is not there. Install the package {package}.")


def _unsearchable(settings: Settings, space: SearchSpace, sampler: str) -> Iterator[str]:
    node, searched = settings.sampler, space.distributions
    if sampler == "CmaEsSampler":
        if len(settings.directions) > 1:
            yield "is for one objective. Choose hydra/sweeper/sampler=tpe, gp or nsgaii for several."
        if searched and not space.custom and all(map(_is_listed, searched.values())):
            yield "is for numbers, and only choices are searched. Choose hydra/sweeper/sampler=tpe."
    if sampler == "QMCSampler":
        if space.custom:
            yield (
                "and hydra.sweeper.custom_search_space do not go together: its points are of a space that "
                "is the same in all trials. Choose hydra/sweeper/sampler=random."
            )
        if node.get("scramble") and node.get("seed") is None and settings.seed is None:
            yield "with scramble=true needs a seed: all trials are of one sequence. Set hydra.sweeper.seed."
    if sampler == "BruteForceSampler":
        if dependent := [*space.bounds, *space.pow2]:
            yield (
                f"compares ranges that are the same in all trials, which those of {', '.join(dependent)} "
                "are not. Choose hydra/sweeper/sampler=grid, which tries every combination of these, too."
            )
        for key, one in searched.items():
            if not _is_listed(one) and not one.step and not one.single():
                yield (
                    f"tries every combination, and of {key}, {to_grammar(one)}, there is no end of values. "
                    "Write range(…) or choice(…) there, or choose hydra/sweeper/sampler=grid."
                )


def _of_space(space: SearchSpace, sampler: str) -> Iterator[str]:
    listed = [key for key, one in space.distributions.items() if _is_listed(one)]
    if sampler == "CmaEsSampler" and listed:
        yield f"{sampler} is for numbers: {', '.join(listed)} is drawn at random."
    if sampler in OF_ALL_TRIALS and space.custom:
        yield f"{sampler} draws at random what custom_search_space does not suggest in every trial."
    some = dict.fromkeys(key_of(name, space.distributions) for name in space.conditional)
    if sampler in OF_ALL_TRIALS and some:
        yield f"{sampler} draws at random what only some trials have: {', '.join(some)}."


def _of_pruner(settings: Settings, sampler: str) -> Iterator[str]:
    pruner = _name(settings.pruner)
    if pruner == "NopPruner":
        return
    if len(settings.directions) > 1:
        yield f"No trial is pruned: {pruner} is for one objective, as all of Optuna's are."
    elif sampler in LEARN_NOTHING_OF_PRUNED and not settings.sampler.get("consider_pruned_trials"):
        yield f"{sampler} learns nothing of trials that {pruner} stops (hydra/sweeper/pruner=none: none)."
    for values in (settings.fidelity or {}).values():
        warmup = settings.pruner.get("n_warmup_steps")
        if isinstance(warmup, int) and warmup >= len(values):  # it is asked before the last
            yield (
                f"No trial is pruned: {pruner} waits for {warmup} runs of each of {len(values)} "
                "(hydra.sweeper.pruner.n_warmup_steps=0 and hydra/sweeper/pruner=asha wait for none)."
            )


def _unpromotable(settings: Settings) -> Iterator[str]:
    node = settings.pruner
    if (node.get("wrapped_pruner") or {}).get("promote"):
        yield "wrapped_pruner.promote=true: expected a pruner of its own. Choose hydra/sweeper/pruner=asha."
    if not node.get("promote"):
        return
    if len(settings.directions) > 1:
        yield "promote=true: expected one objective, got several, of which trials report none."
    if settings.trials_per_job and settings.wait is False:
        yield (
            f"promote=true with trials_per_job={settings.trials_per_job} and wait=false: nobody would stay "
            "to start workers for what goes on. Leave one of them out."
        )


def _name(node: DictConfig) -> str:
    return node["_target_"].rpartition(".")[2]


def _is_listed(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, CategoricalDistribution)
