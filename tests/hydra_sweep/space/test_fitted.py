"""What samplers propose in spaces with conditions, bounds, powers and lists."""

import math
import statistics
from collections import Counter

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from hydra_sweep.settings import Settings
from hydra_sweep.space.feasible import Feasible
from hydra_sweep.space.fitted import Fitted
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.proposal import propose
from hydra_sweep.space.samplers import make_sampler, near_prior, within
from hydra_sweep.space.untried import Tried, Untried
from hydra_sweep.study.sweep_study import SweepStudy
from hydra_sweep.study.trials import Trials

SPACE = parse_space(
    {
        "lr": "tag(log,interval(1e-4,1e-1))",
        "lin1": "tag(pow2,int(interval(16,512)))",
        "lin2": "tag(pow2,int(interval(16,${lin1})))",
        "lin3": "int(interval(1,${lin2}))",
        "least": "interval(0.0,1.0)",
        "most": "interval(${least},2.0)",
        "model": "choice(mlp,cnn)",
        "depth": "int(interval(1,4))",
        "hidden": "tag(list:1:3,choice(8,16))",
    },
    [],
    when={"depth": "model=mlp", "hidden": "model=cnn"},
    prior={"lin1": 64, "depth": 2},
)
MEDIAN = OmegaConf.create({"_target_": "optuna.pruners.MedianPruner"})
SAMPLERS = [
    {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 5},
    {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 5, "multivariate": True, "group": True},
    {"_target_": "optuna.samplers.RandomSampler"},
    {"_target_": "optuna.samplers.CmaEsSampler", "n_startup_trials": 5, "warn_independent_sampling": False},
    {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 5},
    {"_target_": "optuna.samplers.NSGAIIISampler", "population_size": 5},
    {"_target_": "optuna.samplers.GPSampler", "n_startup_trials": 20},
    {"_target_": "optuna.samplers.QMCSampler", "warn_independent_sampling": False},
    {"_target_": "auto"},
]


def distances(params: dict) -> dict[str, float]:
    """Of constraints, one of which is for those alone that have a depth."""
    broken = {"sum": params["lin1"] + params["lin2"] - 300}
    return broken | ({"depth": params["depth"] - 3} if "depth" in params else {})


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("node", SAMPLERS, ids=lambda node: node["_target_"].rpartition(".")[2])
def test_every_sampler_proposes_what_the_space_allows(node):
    settings = Settings(sampler=OmegaConf.create(node), pruner=MEDIAN, study_name="one", seed=3)
    made = optuna.create_study()
    study = SweepStudy(made.study_name, made._storage)
    for number in range(25):
        sampler = near_prior(make_sampler(settings, SPACE, number), SPACE, settings, number, number)
        study.sampler = Feasible(within(sampler, SPACE), SPACE, distances)
        study.shown = None
        trial = study.ask()
        overrides = propose(SPACE, None, trial)
        params = trial.params
        assert max(distances(params).values()) <= 0
        assert params["lin2"] <= params["lin1"]
        assert params["lin3"] <= params["lin2"]
        assert params["least"] <= params["most"]
        assert {params["lin1"].bit_count(), params["lin2"].bit_count()} == {1}
        assert ("depth" in params) == (params["model"] == "mlp")
        assert any(line.startswith("hidden=[") for line in overrides) == (params["model"] == "cnn")
        assert "len" not in " ".join(overrides)
        study.tell(trial, params["lin1"] - params["lin2"] + params["most"])
    for trial in study.trials:
        for name, distribution in trial.distributions.items():
            assert distribution == SPACE.distributions[name], "what is kept is one and the same"


def test_powers_are_as_frequent_as_each_other():
    space = parse_space({"x": "tag(pow2,int(interval(16,512)))"}, [])
    study = optuna.create_study(sampler=within(optuna.samplers.RandomSampler(seed=1), space))
    drawn = Counter(study.ask(space.distributions).params["x"] for _ in range(1200))
    assert sorted(drawn) == [16, 32, 64, 128, 256, 512]
    assert max(drawn.values()) < 1.4 * min(drawn.values())


def test_a_bound_does_not_gather_what_is_drawn_alone():
    space = parse_space({"x": "int(interval(1,100))", "y": "int(interval(1,${x}))"}, [])
    study = optuna.create_study(sampler=within(optuna.samplers.RandomSampler(seed=1), space))
    trials = [study.ask(space.distributions) for _ in range(300)]
    assert sum(trial.params["x"] == trial.params["y"] for trial in trials) < 40


def test_tpe_learns_the_value_itself():
    """The best is y = 30, whatever bounds it: of values drawn at random half are nearer than 19."""
    space = parse_space({"x": "int(interval(40,100))", "y": "int(interval(1,${x}))"}, [])
    study = optuna.create_study()
    for number in range(80):
        study.sampler = within(optuna.samplers.TPESampler(seed=number), space)
        trial = study.ask(space.distributions)
        study.tell(trial, abs(trial.params["y"] - 30))
    assert statistics.median(trial.value for trial in study.trials[40:]) < 12


def test_nothing_is_proposed_twice_in_a_conditional_space():
    space = parse_space(
        {
            "m": "choice(a,b)",
            "x": "int(interval(1,3))",
            "y": "int(interval(1,${x}))",
            "h": "tag(list:1:2,choice(1,2))",
        },
        [],
        when={"x": "m=a", "y": "m=a", "h": "m=b"},
    )
    n = 6 + 2 + 4
    study = optuna.create_study()
    tried = Tried(space, Trials(study, 99))
    seen = set()
    for number in range(n):
        sampler = within(optuna.samplers.RandomSampler(seed=number), space)
        study.sampler = Untried(sampler, tried)
        trial = study.ask()
        seen.add(tuple(propose(space, None, trial)))
        study.tell(trial, 0.0, TrialState.COMPLETE)
    assert len(seen) == n


def test_a_trial_that_was_put_back_half_proposed_goes_on_with_what_it_has():
    study = optuna.create_study()
    first = study.ask()
    first._suggest("model", SPACE.distributions["model"])
    study.sampler = Fitted(optuna.samplers.RandomSampler(), SPACE)
    again = optuna.Trial(study, first._trial_id)
    propose(SPACE, None, again)
    assert again.params["model"] == first.params["model"]
    assert math.log2(again.params["lin1"]).is_integer()
