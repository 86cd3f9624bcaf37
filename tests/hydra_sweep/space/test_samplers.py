from itertools import product

import optuna
import pytest
from omegaconf import OmegaConf

from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.sweep_study import SweepStudy

SPACE = parse_space(
    {"x": "interval(0.0,1.0)", "y": "interval(1,4)", "z": "choice(a,b)", "one": "range(1,1)"}, []
)
FINITE = parse_space({"x": "range(0,9)", "y": "range(0.0,1.0,0.1)"}, [])
NAMES = ["TPE", "GP", "CmaEs", "NSGAII", "NSGAIII", "QMC", "Random", "BruteForce"]


def settings(name: str, of_sweep: int | None, **arguments) -> Settings:
    node = OmegaConf.create({"_target_": f"optuna.samplers.{name}Sampler", **arguments})
    pruner = OmegaConf.create({"_target_": "optuna.pruners.NopPruner"})
    return Settings(sampler=node, pruner=pruner, study_name="toy", seed=of_sweep)


def drawn(asked: Settings, number: int, space: SearchSpace = SPACE) -> tuple:
    """What is proposed for the trial of a number where nothing is known yet."""
    study = optuna.create_study(sampler=make_sampler(asked, space, number))
    trial = study.ask()
    return tuple(trial._suggest(key, one) for key, one in space.distributions.items())


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_seeds_any_sampler_and_no_two_trials_alike(name):
    space = FINITE if name == "BruteForce" else SPACE
    found = [drawn(settings(name, 7), number, space) for number in range(8)]
    assert found == [drawn(settings(name, 7), number, space) for number in range(8)]
    assert len(set(found)) == 8
    if name != "QMC":  # the sequence is one, unless it is scrambled
        assert drawn(settings(name, 8), 0, space) != found[0]
        assert drawn(settings(name, 8, seed=7), 0, space) == found[0]
        assert drawn(settings(name, None), 0, space) != drawn(settings(name, None), 0, space)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "BruteForce"])
def test_a_search_by_one_repeats_itself(name):
    """Past the start-up trials: a sampler that is made anew for each has all that it knows of the study."""
    assert searched(name) == searched(name)


def searched(name: str, n: int = 14) -> list[dict]:
    made = optuna.create_study()
    small = {"n_startup_trials": 3} if name in ("TPE", "GP") else {}
    small |= {"population_size": 4} if name.startswith("NSGA") else {}
    for number in range(n):
        sampler = make_sampler(settings(name, 7, **small), SPACE, number)
        trial = (study := SweepStudy(made.study_name, made._storage, sampler=sampler)).ask()
        x, y, *_ = (trial._suggest(key, one) for key, one in SPACE.distributions.items())
        study.tell(trial, x + y)
    return [trial.params for trial in made.trials]


@pytest.mark.parametrize(("qmc_type", "scramble"), product(["sobol", "halton"], [False, True]))
def test_trial_n_is_point_n_of_one_sequence_whoever_asks(qmc_type, scramble):
    asked = settings("QMC", 7, qmc_type=qmc_type, scramble=scramble)
    backwards = {number: drawn(asked, number) for number in reversed(range(16))}
    assert [backwards[number] for number in range(16)] == [drawn(asked, number) for number in range(16)]
    xs = sorted(x for x, *_ in backwards.values())
    assert all(i / 16 <= x < (i + 1) / 16 + 1e-9 for i, x in enumerate(xs)), "evenly"


def test_a_sampler_that_takes_no_seed_is_made_all_the_same():
    grid = settings("Grid", 7, search_space={"x": [1]})
    assert make_sampler(grid, SPACE, 0)
    base = {"_target_": "optuna.samplers.RandomSampler"}
    assert make_sampler(settings("PartialFixed", 7, fixed_params={"x": 1}, base_sampler=base), SPACE, 0)


def test_arguments_may_be_nodes():
    crossover = {"_target_": "optuna.samplers.nsgaii.SBXCrossover"}
    sampler = make_sampler(settings("NSGAII", 7, crossover=crossover), SPACE, 0)
    assert "SBX" in str(sampler._child_generation_strategy._crossover)
