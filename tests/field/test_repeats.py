"""The same again: what is known is not trained again, and what is exhausted ends."""

import pytest

from tests.field.table import Case, check, table
from tests.toy.sweeps import load

NO_OTHERS = " ".join(
    f"{key}=1"
    for key in ("model.optimizer.lr", "model.net.lin1_size", "model.net.lin2_size", "model.net.lin3_size")
)
TWO = f"{NO_OTHERS} data.batch_size=32,64"
TOLD_TWO = "The space has 2 combinations: 2 trials, not 20."


@table(
    Case(TWO, (TOLD_TWO, "Would train 2 trials")),
    Case(f"{TWO} hydra/sweeper/sampler=random", TOLD_TWO),
    Case(f"{TWO} hydra/sweeper/sampler=nsgaii", TOLD_TWO),
    Case(f"{NO_OTHERS} 'data.batch_size=range(32,64,32)'", TOLD_TWO),
    Case(f"{TWO} hydra.sweeper.n_trials=1", "Would train 1 trial "),
    Case(
        f"{TWO} seed=null",
        r"2 combinations, and no seed is set\. n_trials=20: some are trained",
    ),
    Case(f"{NO_OTHERS} data.batch_size=32 seed=1,2", TOLD_TWO),
    Case(f"{NO_OTHERS} data.batch_size=32 seed=1,null", "no seed is set"),
    Case(f"{NO_OTHERS} data.batch_size=32", r"Nothing is searched.*: 1 trial, not 20\."),
    Case(f"{NO_OTHERS} data.batch_size=32 seed=null", r"Nothing is searched.*no seed is set"),
    Case(f"{TWO} hydra/sweeper/sampler=grid", r"The grid has 2 points: 2 trials, not 20\."),
    Case("hydra/sweeper/sampler=grid", r"The grid has 720 points, of which n_trials=20 are tried, spread"),
    Case(
        "data.batch_size=32 '+x=interval(0.0,4.0)' hydra/sweeper/sampler=grid",
        r"interval\(0\.0, 4\.0\) +│ [01234]\.0 ",
    ),
    Case("", r"Would train 20 trials"),
)
def test_it_is_told_before_the_start(case, train, tmp_path):
    check(case, train, tmp_path)


def params(folder) -> list:
    return [tuple(trial.params.values()) for trial in load(folder).trials]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_space_is_exhausted_by_several_at_once(sampler, toy, tmp_path):
    space = ["x=range(0.1,0.3,0.1)", "+y=a,b", "+seed=1", "hydra.sweeper.n_jobs=2", "hydra.sweeper.slots=2"]
    more = ["hydra.sweeper.n_trials=9", f"hydra/sweeper/sampler={sampler}"]
    assert "6 combinations: 6 trials, not 9" in toy(*space, *more).stdout
    assert len(set(params(tmp_path))) == len(params(tmp_path)) == 6


def test_a_study_with_repeats_goes_on_to_what_is_left(toy, tmp_path):
    once = ["x=choice(0.1,0.2,0.3)", "hydra.sweeper.n_trials=4", "what={0: raise}"]
    toy(*once, "hydra.sweeper.max_failure_rate=1.0", "hydra.sweeper.n_trials=4")  # not seeded
    toy(*once[:1], "+seed=1", "hydra.sweeper.n_trials=9", "hydra.sweeper.max_failure_rate=1.0")
    trials = load(tmp_path).trials
    complete = [trial.params["x"] for trial in trials if trial.state.name == "COMPLETE"]
    assert set(complete) == {0.1, 0.2, 0.3}
    first = [trial.params["x"] for trial in trials[:4] if trial.state.name == "COMPLETE"]
    assert len(complete) == len(first) + 3 - len(set(first)), "only what had no value yet"


def test_a_failed_combination_may_be_tried_again(toy, tmp_path):
    space = ["x=0.1,0.2", "+seed=1", "hydra.sweeper.n_trials=8", "hydra.sweeper.max_failure_rate=1.0"]
    toy(*space, "what={0: raise}")
    toy(*space)
    assert [trial.state.name for trial in load(tmp_path).trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert params(tmp_path)[0] == params(tmp_path)[2]
    assert "is complete" in toy(*space).stdout


def test_a_sampler_that_stops_the_study_ends_the_sweep(toy, tmp_path):
    sampler = tmp_path / "more/hydra/sweeper/sampler/brute.yaml"
    sampler.parent.mkdir(parents=True)
    sampler.write_text("_target_: optuna.samplers.BruteForceSampler\nseed: null\n")
    words = ["--config-dir=more", "hydra/sweeper/sampler=brute", "hydra.sweeper.n_trials=9"]
    done = toy(*words, "x=0.1,0.2,0.3", "hydra.sweeper.n_jobs=2")
    assert "its sampler, or a trial, has said so" in done.stdout
    ended = [trial for trial in load(tmp_path).trials if trial.state.name == "COMPLETE"]
    assert {trial.params["x"] for trial in ended} == {0.1, 0.2, 0.3}
    assert len(ended) <= 4, "one may run while another stops it"
    toy(*words, "x=0.1,0.2,0.3")
    assert sum(trial.state.name == "COMPLETE" for trial in load(tmp_path).trials) == len(ended)
    refused = toy(*words, "x=interval(0,1)", "hydra.sweeper.study_name=other", check=False)
    assert "there is no end of values" in refused.stderr


def test_a_grid_that_is_not_tried_whole_is_spread(toy, tmp_path):
    grid = ["hydra/sweeper/sampler=grid", "x=range(0.0,0.9,0.1)", "+y=range(1,10)"]
    toy(*grid, "hydra.sweeper.n_trials=6", "hydra.sweeper.slots=3")
    x, y = zip(*params(tmp_path), strict=True)
    assert len(set(x)) > 3
    assert len(set(y)) > 3
