import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import CmaEsSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from hydra_sweep.space.feasible import Feasible
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.untried import NothingLeft, Tried, Untried
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

SPACE = SearchSpace({"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}, [])
SAMPLERS = [
    (RandomSampler, {}),
    (TPESampler, {"n_startup_trials": 3, "constant_liar": True}),
    (TPESampler, {"n_startup_trials": 3, "multivariate": True, "group": True}),
    (CmaEsSampler, {"n_startup_trials": 3}),
    (NSGAIISampler, {"population_size": 4}),
]


def study_of(folder, sampler, most: float) -> optuna.Study:
    address = StudyAddress("toy", folder)
    address.create(["minimize"], {})
    small = Feasible(sampler, SPACE, lambda params: {"x + y": params["x"] + params["y"] - most})
    return address.load(sampler=small)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(("sampler", "options"), SAMPLERS)
def test_nothing_is_proposed_that_breaks_a_constraint(tmp_path, sampler, options):
    study = study_of(tmp_path, sampler(seed=0, **options), 0.5)
    for _ in range(12):
        trial = study.ask(SPACE.distributions)
        assert trial.params["x"] + trial.params["y"] <= 0.5
        study.tell(trial, trial.params["x"])
        study.shown = None
    assert len(study.trials) == 12, "what was refused is no trial"


def test_tpe_finds_what_chance_would_not(tmp_path):
    study = study_of(tmp_path, TPESampler(seed=0), 0.005)  # one in 80,000
    trial = study.ask(SPACE.distributions)
    assert trial.params["x"] + trial.params["y"] < 0.05


def test_where_nothing_is_found_the_least_bad_is_proposed(tmp_path):
    study = study_of(tmp_path, RandomSampler(seed=0), -1)
    trial = study.ask(SPACE.distributions)
    assert trial.params["x"] + trial.params["y"] < 0.2


def test_what_is_stored_of_a_trial_stays(tmp_path):
    study = study_of(tmp_path, RandomSampler(seed=0), 0.5)
    first = study.ask({"x": SPACE.distributions["x"]})
    again = optuna.Trial(study, first._trial_id)
    assert again.suggest_float("x", 0, 1) == first.params["x"]
    assert first.params["x"] + again.suggest_float("y", 0, 1) <= 0.5


def test_of_a_finite_space_all_that_is_allowed_is_tried_once_and_no_more():
    study = optuna.create_study()
    space = parse_space({"x": "range(1,40)", "y": "choice(1,2)"}, [])
    bound = Feasible(RandomSampler(seed=0), space, lambda params: {"x": params["x"] * params["y"] - 4})
    tried = Tried(space, Trials(study, 99))
    study.sampler = Untried(bound, tried, lambda params: params["x"] * params["y"] <= 4)
    found = []
    for _ in range(6):
        trial = study.ask(space.distributions)
        found.append(tuple(trial.params.values()))
        study.tell(trial, 1.0)
    assert sorted(found) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)]
    with pytest.raises(NothingLeft):
        study.ask(space.distributions)


def test_what_was_refused_and_shown_is_no_part_of_the_study(tmp_path):
    study = study_of(tmp_path, TPESampler(seed=0), -1)
    study.ask(SPACE.distributions)
    study.shown = None
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]
