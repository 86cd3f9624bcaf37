"""What trials must keep, by the real command: before they are begun and after."""

import pytest
from omegaconf import OmegaConf

from tests.conftest import ROOT
from tests.sweeps.test_mistakes import check_told
from tests.toy.sweeps import TWO_WORKERS, load, times

CONSTRAINTS = "hydra.sweeper.constraints"
TELL = "what={0: tell, 1: tell, 2: tell, 3: tell, 4: tell, 5: tell, 6: tell, 7: tell}"
UP = "hydra.sweeper.direction=maximize"
EIGHT = "hydra.sweeper.n_trials=8"


def results(folder) -> dict:
    return OmegaConf.to_container(OmegaConf.load(folder / "multirun/toy/optimization_results.yaml"))


def test_what_is_known_to_break_one_is_not_trained_and_uses_no_trial(toy, tmp_path):
    measure = "hydra.sweeper.measures={square: tests.toy.space.square}"
    lines = f'{CONSTRAINTS}=["square < 0.16", "x * (epochs + 10) > 2"]'
    toy(lines, measure, UP, TWO_WORKERS, PYTHONPATH=str(ROOT))
    trials = load(tmp_path).trials
    assert sorted(times(tmp_path)) == list(range(4))
    assert all(trial.state.name == "COMPLETE" and 0.2 < trial.params["x"] < 0.4 for trial in trials)
    assert all(len(trial.constraints) == 2 for trial in trials)


def test_what_turns_out_to_break_one_is_kept_and_never_the_best(toy, tmp_path):
    # in an order that the sampler does not choose
    words = ["hydra/sweeper/sampler=grid", "x=range(0.1,0.8,0.1)", EIGHT, UP]
    done = toy(*words, TELL, f"{CONSTRAINTS}='cost <= 4.5'", TWO_WORKERS)
    study = load(tmp_path)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 8
    for trial in study.trials:
        assert trial.constraints == {"cost <= 4.5": pytest.approx(10 * trial.params["x"] - 4.5)}
    assert results(tmp_path)["best_value"] == study.best_value == pytest.approx(0.4)
    assert f"best value {study.best_value:.6g}, trial {study.best_trial.number}" in done.stdout
    assert "done 0.8 (breaks cost <= 4.5 by 3.5)" in done.stdout
    assert f"hydra.mode=RUN x={study.best_value}" in done.stdout


def test_where_no_trial_keeps_them_it_is_said_by_how_much(toy, tmp_path):
    done = toy("x=choice(0.2,0.4)", TELL, f"{CONSTRAINTS}='cost < 1'", "+seed=1")
    closest = next(t.number for t in load(tmp_path).trials if t.params["x"] == 0.2)
    said = f"No trial keeps the constraints. Trial {closest} comes closest: it breaks cost < 1 by 1."
    assert said in done.stdout
    assert "no best yet" in done.stdout
    assert "Best trials" not in done.stdout
    assert not (tmp_path / "multirun/toy/optimization_results.yaml").exists()


def test_where_nothing_can_keep_them_nothing_is_trained(toy, tmp_path):
    done = toy(f"{CONSTRAINTS}='x < -1'", "hydra.sweeper.n_trials=2", "hydra/sweeper/sampler=random")
    assert not (tmp_path / "multirun/toy/times").exists()
    for trial in load(tmp_path).trials:
        assert trial.state.name == "PRUNED"
        assert "not begun: breaks x < -1 by 1" in trial.user_attrs["reason"]
    assert "No trial keeps the constraints." in done.stdout


def test_of_a_finite_space_what_keeps_them_is_tried_once(toy, tmp_path):
    words = ["x=range(1,12)", f"{CONSTRAINTS}='x % 3 == 0'", "+seed=1", "hydra.sweeper.n_trials=12"]
    done = toy(*words, TWO_WORKERS)
    complete = [trial for trial in load(tmp_path).trials if trial.state.name == "COMPLETE"]
    assert sorted(trial.params["x"] for trial in complete) == [3, 6, 9, 12]
    assert "all combinations that keep the constraints were tried" in done.stdout


def test_a_grids_points_that_break_one_are_no_trials(toy, tmp_path):
    grid = ["hydra/sweeper/sampler=grid", "x=range(1,4)", "+y=choice(1,2)", "hydra.sweeper.n_trials=9"]
    measure = "hydra.sweeper.measures={square: tests.toy.space.square}"
    words = [*grid, measure, f'{CONSTRAINTS}=["square * y <= 4"]']
    done = toy(*words, TWO_WORKERS, PYTHONPATH=str(ROOT))
    assert "Of the grid's 8 points 5 break a constraint, and are left out." in done.stdout
    assert "The grid has 3 points: 3 trials, not 9." in done.stdout
    tried = [(trial.params["x"], trial.params["+y"]) for trial in load(tmp_path).trials]
    assert sorted(tried) == [(1, 1), (1, 2), (2, 1)]
    toy(*words, TWO_WORKERS, PYTHONPATH=str(ROOT))
    assert len(times(tmp_path)) == 3
    few = ["hydra.sweeper.n_trials=1", "hydra.sweeper.study_name=few", "hydra.sweeper.dry_run=true"]
    done = toy(*grid[:-1], *few, f"{CONSTRAINTS}='x * y > 5'")
    assert "Of the first 4 of the grid's 8 points 3 break a constraint" in done.stdout
    done = toy(*grid, f"{CONSTRAINTS}='x < 0'", "hydra.sweeper.study_name=none", check=False)
    check_told(done, "none of the grid's 8 points keeps them; +y=1 x=1 breaks x < 0 by 1.")
    assert not (tmp_path / "multirun/none").exists()


def test_what_no_trial_tells_of_stops_the_sweep_at_the_first(toy, tmp_path):
    done = toy(TELL, f"{CONSTRAINTS}='costs < 1'", check=False)
    assert done.returncode == 1
    assert "the trial has told no costs. Did you mean cost? hydra_sweep.current_trial()" in done.stderr
    assert not {trial.state.name for trial in load(tmp_path).trials} & {"FAIL", "COMPLETE"}
    toy(TELL, f"{CONSTRAINTS}='cost < 11'")
    assert [trial.state.name for trial in load(tmp_path).trials] == ["COMPLETE"] * 4
