import optuna
import pytest
from omegaconf import OmegaConf
from optuna.samplers import CmaEsSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space import auto
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.trials import Trials

NUMBERS = parse_space({"x": "interval(0.0,1.0)", "n": "int(interval(1,9))", "one": "range(1,1)"}, [])
CHOICE = parse_space({"x": "interval(0.0,1.0)", "c": "choice(1,2)"}, [])
CUSTOM = SearchSpace(NUMBERS.distributions, [], "some.function")
FEW = 12  # instead of 250


def settings(pruner: str = "Nop", n_objectives: int = 1, **more) -> Settings:
    return Settings(
        sampler=OmegaConf.create({"_target_": "auto", "seed": None, **more}),
        pruner=OmegaConf.create({"_target_": f"optuna.pruners.{pruner}Pruner"}),
        study_name="toy",
        direction=["minimize"] * n_objectives if n_objectives > 1 else "minimize",
        seed=1,
    )


@pytest.mark.parametrize(
    ("space", "asked", "first", "then"),
    [
        (NUMBERS, settings(), GPSampler, CmaEsSampler),
        (NUMBERS, settings("Median"), TPESampler, TPESampler),
        (CHOICE, settings(), TPESampler, TPESampler),
        (CUSTOM, settings(), TPESampler, TPESampler),
        (NUMBERS, settings(n_objectives=3), GPSampler, NSGAIISampler),
        (NUMBERS, settings("Median", n_objectives=2), GPSampler, NSGAIISampler),
        (CHOICE, settings(n_objectives=2), TPESampler, NSGAIISampler),
        (NUMBERS, settings(n_objectives=4), TPESampler, NSGAIIISampler),
        (CUSTOM, settings(n_objectives=2), TPESampler, TPESampler),
    ],
)
def test_it_goes_by_the_rule_and_says_so(monkeypatch, space, asked, first, then):
    monkeypatch.setattr(auto, "MOST_OF_FIRST", FEW)
    study = optuna.create_study(directions=asked.directions)
    trials = Trials(study, 99)
    for number in range(FEW + 2):
        study.sampler = make_sampler(asked, space, number, trials.read())
        assert isinstance(study.sampler, then if number >= FEW else first)
        trial = study.ask()
        values = [trial._suggest(key, one) for key, one in space.distributions.items()]
        study.tell(trial, [float(values[0])] * len(asked.directions))
    said = str(auto.choose(asked, space))
    assert first.__name__ in said
    assert then.__name__ in said
    assert ("complete trials on" in said) == (first != then)


def test_cma_es_begins_from_the_best_that_is_known(monkeypatch):
    monkeypatch.setattr(auto, "MOST_OF_FIRST", 40)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = Trials(study, 99)
    xs = []
    for number in range(50):
        if number >= 40:
            study.sampler = make_sampler(settings(), NUMBERS, number, trials.read())
        trial = study.ask()
        x, *_ = (trial._suggest(key, one) for key, one in NUMBERS.distributions.items())
        study.tell(trial, abs(x - 0.9))
        xs.append(x)
    assert sum(abs(x - 0.9) < 0.15 for x in xs[40:]) > 7, "not in the middle"


def test_the_genetic_sampler_begins_from_all_that_is_known(monkeypatch):
    monkeypatch.setattr(auto, "MOST_OF_FIRST", 60)
    study = optuna.create_study(directions=["minimize"] * 2)
    trials = Trials(study, 99)
    for number in range(62):
        study.sampler = make_sampler(settings(n_objectives=2), CHOICE, number, trials.read())
        trial = study.ask()
        x, c = (trial._suggest(key, one) for key, one in CHOICE.distributions.items())
        study.tell(trial, [x, 1 - x + c])
    generations = [t.system_attrs[NSGAIISampler._get_generation_key()] for t in study.trials]
    assert generations == [0] * 60 + [1, 1]


def test_constrained_trials_go_on_with_tpe(monkeypatch):
    monkeypatch.setattr(auto, "MOST_OF_FIRST", 2)
    study = optuna.create_study()
    for _ in range(2):
        trial = study.ask(NUMBERS.distributions)
        trial.set_constraint("c", -1.0)
        study.tell(trial, 1.0)
    trials = Trials(study, 9).read()
    assert trials.n_ended[TrialState.COMPLETE] == 2
    assert type(make_sampler(settings(), NUMBERS, 2, trials)) is TPESampler


def test_it_takes_a_seed_alone():
    with pytest.raises(SweepError, match=r"'n_startup_trials'.*Valid: seed"):
        auto.choose(settings(n_startup_trials=3), NUMBERS)
