"""A sweep that is asked for otherwise than it was begun, by the real command."""

from tests.toy.sweeps import TWO_WORKERS, load, times

REFUSED = {
    "x=choice(0.1,0.2)": "x was interval(0.0, 1.0), now choice(0.1, 0.2)",
    "x=int(interval(0,1))": "x was interval(0.0, 1.0), now int(interval(0, 1))",
    "x=tag(log,interval(0.1,1.0))": "x was interval(0.0, 1.0), now tag(log, interval(0.1, 1.0))",
    "what=choice(a,b)": "what was not searched, now choice(a, b)",
    "x=0.5": "x was interval(0.0, 1.0), now not searched",
    "hydra.sweeper.direction=maximize": "direction was minimize, now maximize",
    "+optimized_metric=val/loss": "metric was None, now val/loss",
    "hydra.sweeper.constraints='x < 0.5'": "constraints was none, now x < 0.5",
}


def test_trials_that_could_not_be_compared_are_refused(toy, tmp_path):
    toy()
    journal = (tmp_path / "multirun/toy/study.journal").read_bytes()
    for change, message in REFUSED.items():
        done = toy(change, "hydra.sweeper.n_trials=6", check=False)
        assert done.returncode == 1
        assert message in done.stderr
        assert "hydra.sweeper.study=new" in done.stderr
        assert (tmp_path / "multirun/toy/study.journal").read_bytes() == journal


def test_other_changes_just_work_and_a_fixed_override_is_shown_and_kept(toy, tmp_path):
    toy("seconds=[0,0,0,0]")
    options = [TWO_WORKERS, "hydra/sweeper/sampler=random", "hydra/sweeper/pruner=asha"]
    done = toy("seconds=[0,0,0,0,0,0]", *options, "hydra.sweeper.n_trials=6")
    assert "seconds: was [0,0,0,0], now [0,0,0,0,0,0]" in done.stdout
    history = load(tmp_path).user_attrs["overrides"]
    assert [(one["trials_ended"], one["overrides"]) for one in history] == [
        (0, ["seconds=[0,0,0,0]"]),
        (4, ["seconds=[0,0,0,0,0,0]"]),
    ]
    assert sorted(times(tmp_path)) == [0, 1, 2, 3, 4, 5]


def test_a_metric_that_no_trial_has_a_value_of_may_be_corrected(toy, tmp_path):
    toy("+optimized_metric=val/los", "what={0: mistake}", check=False)
    assert [trial.state.name for trial in load(tmp_path).trials] == ["FAIL"]
    toy("+optimized_metric=val/loss")
    assert load(tmp_path).user_attrs["metric"] == "val/loss"
    assert "metric was val/loss, now None" in toy(check=False).stderr


GRID = ["hydra/sweeper/sampler=grid", "x=range(0.0,1.0,0.25)", "+z=choice(1,2)"]


def test_a_study_does_not_become_a_grid(toy):
    interval = "x=interval(0.0,1.0)"
    toy(interval, "what={0: mistake}", check=False)
    done = toy(GRID[0], interval, "hydra.sweeper.n_trials=5", check=False)
    assert done.returncode == 1
    assert "was not begun as this grid" in done.stderr
    assert "hydra.sweeper.study=new" in done.stderr


def test_a_grid_goes_on_as_a_grid_and_then_otherwise(toy, tmp_path):
    toy(*GRID, "hydra.sweeper.n_trials=2")
    toy(GRID[0], *reversed(GRID[1:]), "hydra.sweeper.n_trials=4")
    assert len({tuple(trial.params.items()) for trial in load(tmp_path).trials}) == 4
    toy(*GRID[1:], "hydra.sweeper.n_trials=5")
    assert [trial.state.name for trial in load(tmp_path).trials] == ["COMPLETE"] * 5
