"""What ends how: the table of the design, each row on the toy task, by the real command."""

import json
import os
import subprocess
import sys

from omegaconf import OmegaConf

from tests.conftest import ROOT, TOY
from tests.toy.sweeps import TWO_WORKERS, load

# what the trial of each number does, and what becomes of it: state, attempts after the first, reason
TABLE = [
    ("return", "COMPLETE", 0, None),
    ("prune", "PRUNED", 0, "pruned"),
    ("not a number", "PRUNED", 0, "the metric is nan"),
    ("memory", "PRUNED", 0, "out of memory: CUDA out of memory"),
    ("raise", "FAIL", 0, "ValueError: the toy is broken"),
    ("none", "FAIL", 0, "the task returned None, expected a number"),
    ("at exit", "COMPLETE", 0, None),
    ("kill once", "COMPLETE", 1, None),
    ("kill", "FAIL", 1, "killed (SIGKILL), in each of 2 attempts"),
    ("return", "COMPLETE", 0, None),
]


def test_state_table(toy, tmp_path):
    sweeper = "hydra.sweeper"
    toy(
        f"what={{{', '.join(f'{number}: {what}' for number, (what, *_) in enumerate(TABLE))}}}",
        f"{sweeper}.n_trials={len(TABLE)}",
        f"{sweeper}.max_retries=1",
        f"{sweeper}.max_failure_rate=0.5",
        f"{sweeper}.direction=maximize",
    )
    trials = load(tmp_path).trials
    assert [t.state.name for t in trials] == [state for _, state, _, _ in TABLE]
    for trial, (what, state, attempt, reason) in zip(trials, TABLE, strict=True):
        assert trial.user_attrs.get("attempt", 0) == attempt
        assert reason is None or reason in trial.user_attrs["reason"]
        assert ("ValueError" in trial.user_attrs.get("traceback", "")) == (what == "raise")
        if state == "COMPLETE":
            assert trial.value == trial.params["x"]
        log = (tmp_path / f"multirun/toy/{trial.number}/toy.log").read_text()
        assert ("the toy is broken" in log) == (what == "raise")
    assert (tmp_path / "exited").exists()  # what a trial registers for its exit, such as a logger's


def test_too_many_failures_stop_the_sweep_and_show_the_first(toy, tmp_path):
    done = toy("what={0: raise}", TWO_WORKERS, "seconds=[0,1,1,1]", check=False)
    assert done.returncode == 1
    assert "the toy is broken" in done.stderr
    assert "max_failure_rate=0.0" in done.stderr
    # The same command goes on; what failed before does not count again.
    toy("what={0: raise}")
    states = [t.state.name for t in load(tmp_path).trials]
    assert states == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_a_mistake_of_every_trial_fails_one_alone(toy, tmp_path):
    rates = ["hydra.sweeper.max_failure_rate=1", "hydra.sweeper.n_trials=20"]
    done = toy("what={0: mistake, 1: mistake, 2: mistake, 3: mistake}", TWO_WORKERS, *rates, check=False)
    assert done.returncode == 1
    assert "Trial 0: no such metric" in done.stderr or "Trial 1: no such metric" in done.stderr
    assert "Traceback" not in done.stderr
    states = [t.state.name for t in load(tmp_path).trials]
    assert sorted(states) in (["FAIL"], ["FAIL", "WAITING"]), "the other worker may have begun one"


def test_a_full_disk_stops_the_sweep_and_costs_no_trial(toy, tmp_path):
    done = toy("what={1: disk}", TWO_WORKERS, "seconds=[0,0,9,9]", check=False)
    assert done.returncode == 1
    assert (
        "Trial 1: OSError: [Errno 28] No space left on device: 'last.ckpt'. With that mended" in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not {t.state.name for t in load(tmp_path).trials} & {"FAIL", "RUNNING"}
    toy()
    trials = load(tmp_path).trials
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert not trials[1].user_attrs["reason"]


def test_several_objectives(toy, tmp_path):
    toy("what={0: two, 1: two, 2: two, 3: two}", "hydra.sweeper.direction=[minimize,maximize]")
    study = load(tmp_path)
    assert all(t.values == [t.params["x"], t.params["x"] ** 2] for t in study.trials)
    results = OmegaConf.load(tmp_path / "multirun" / "toy" / "optimization_results.yaml")
    assert len(results.solutions) == len(study.best_trials)


def test_a_trial_is_a_plain_hydra_job_of_its_own_folder(toy, tmp_path):
    toy()
    for trial in load(tmp_path).trials:
        folder = tmp_path / "multirun" / "toy" / str(trial.number)
        assert OmegaConf.load(folder / ".hydra/config.yaml").x == trial.params["x"]
        assert OmegaConf.load(folder / ".hydra/overrides.yaml") == [f"x={trial.params['x']}"]
        assert OmegaConf.load(folder / ".hydra/hydra.yaml").hydra.job.num == trial.number
    results = OmegaConf.load(tmp_path / "multirun" / "toy" / "optimization_results.yaml")
    best = min(t.value for t in load(tmp_path).trials)
    assert results == {"name": "optuna", "best_params": {"x": best}, "best_value": best}


def test_the_supervisor_imports_nothing_heavy(tmp_path):
    script = f"""
import json, runpy, sys
sys.argv = ["toy.py", *{TOY}]
try:
    runpy.run_path({str(ROOT / "tests/toy/toy.py")!r}, run_name="__main__")
finally:
    heavy = [name for name in ("torch", "lightning", "mlflow") if name in sys.modules]
    json.dump(heavy, open("heavy", "w"))
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=dict(os.environ))
    assert json.loads((tmp_path / "heavy").read_text()) == []
