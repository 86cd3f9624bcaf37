import optuna
import pytest
from omegaconf import OmegaConf

from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.samplers import near_prior

PARAMS = {
    "lr": "tag(log,interval(1e-5,1e-1))",
    "n": "int(interval(1,100))",
    "step": "range(0,100,10)",
    "opt": "choice(sgd,adam,lion)",
}
GOOD = {"lr": 1e-3, "n": 80, "step": 30, "opt": "adam"}
NODE = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler"})
SETTINGS = Settings(sampler=NODE, pruner=NODE, study_name="one", seed=1, n_trials=100)


def drawn(n_results: int, confidence: str = "medium", sampler=None) -> list[dict]:
    prior = {key: {"value": value, "confidence": confidence} for key, value in GOOD.items()}
    space = parse_space(PARAMS, [], prior=prior)
    study = optuna.create_study()
    for number in range(200):
        around = sampler or optuna.samplers.RandomSampler(seed=number)
        study.sampler = near_prior(around, space, SETTINGS, number, n_results)
        trial = study.ask(space.distributions)
        if sampler:
            study.tell(trial, 0.0)
    return [trial.params for trial in study.trials]


def near(trials: list[dict]) -> dict[str, float]:
    """The share of them that is near what is thought good."""
    found = {
        "lr": [1e-4 <= one["lr"] <= 1e-2 for one in trials],
        "n": [abs(one["n"] - 80) <= 20 for one in trials],
        "step": [abs(one["step"] - 30) <= 20 for one in trials],
        "opt": [one["opt"] == "adam" for one in trials],
    }
    return {key: sum(values) / len(values) for key, values in found.items()}


def test_what_is_thought_good_is_tried_more_often_at_first_and_its_weight_fades():
    at_first, later, late = near(drawn(0)), near(drawn(9)), near(drawn(10_000))
    without = {"lr": 0.5, "n": 0.4, "step": 5 / 11, "opt": 1 / 3}
    for key, chance in without.items():
        assert at_first[key] > 0.9
        assert at_first[key] > later[key] > chance
        assert late[key] == pytest.approx(chance, abs=0.1)


def test_confidence_is_how_near():
    low, medium, high = (near(drawn(9, one))["lr"] for one in ("low", "medium", "high"))
    assert low < medium < high


def test_it_weighs_what_is_proposed_together_too():
    cmaes = optuna.samplers.CmaEsSampler(seed=1, n_startup_trials=5, warn_independent_sampling=False)
    assert near(drawn(0, sampler=cmaes))["lr"] > 0.9


def test_seeded_alike_it_draws_alike():
    assert drawn(9) == drawn(9)
