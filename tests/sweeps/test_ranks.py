"""Trials of several tasks, on the toy: two ranks a job, launched by submitit on this machine."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from optuna.trial import FrozenTrial

from tests.toy.sweeps import SLOW, load, start, wait_for_running

TWO = ["hydra.launcher.tasks_per_node=2", "hydra.sweeper.n_jobs=1"]


def said(folder: Path, number: int, rank: int) -> str:
    return (folder / f"multirun/toy/{number}/rank{rank}").read_text()


def states(folder: Path) -> list[str]:
    return [trial.state.name for trial in load(folder).trials]


@pytest.mark.parametrize("slots", [1, 2])
def test_all_ranks_run_the_same_trial_and_one_tells(toy, tmp_path, slots):
    toy(*TWO, "seconds=[1,1,1,1]", f"hydra.sweeper.slots={slots}")
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    ports = set()
    for trial in trials:
        x, world, port = said(tmp_path, trial.number, 0).split()
        assert (float(x), world) == (trial.params["x"], "2")
        assert trial.value == trial.params["x"]
        ports.add(port)
        lines = (tmp_path / f"multirun/toy/{trial.number}/.hydra/overrides.yaml").read_text()
        assert f"x={x}" in lines
    assert len(ports) == 4
    logs = "".join(path.read_text() for path in (tmp_path / "multirun/toy/workers").glob("*.log"))
    for trial in trials:
        assert f"Trial {trial.number}, rank 1: x={trial.params['x']}" in logs


def test_what_another_rank_raises_ends_the_trial_and_what_it_returns_does_not(toy, tmp_path):
    what = "what={0: 'rank 1: none', 1: 'rank 1: raise', 2: 'rank 1: memory', 3: 'rank 1: not a number'}"
    toy(*TWO, what, "hydra.sweeper.max_failure_rate=0.5", "hydra.sweeper.slots=2")
    trials = load(tmp_path).trials
    assert states(tmp_path) == ["COMPLETE", "FAIL", "PRUNED", "COMPLETE"]
    assert trials[1].user_attrs["reason"] == "rank 1: ValueError: the toy is broken"
    assert "in act\n" in trials[1].user_attrs["traceback"]
    assert trials[2].user_attrs["reason"].startswith("rank 1: out of memory: CUDA")
    log = (tmp_path / "multirun/toy/1/toy.rank1.log").read_text()
    assert "ValueError: the toy is broken" in log


def test_a_rank_that_is_killed_has_the_trial_run_again(toy, tmp_path):
    toy(*TWO, "what={1: 'rank 1: kill once'}")
    trial = load(tmp_path).trials[1]
    assert states(tmp_path) == ["COMPLETE"] * 4
    assert (trial.user_attrs["attempt"], trial.user_attrs["losses"]) == (1, 1)
    assert trial.user_attrs["interrupted"] == "rank 1: killed (SIGKILL)"


def tasks(running: FrozenTrial) -> list[psutil.Process]:
    """The processes that its worker's job is made of, by rank; none where that has ended."""
    worker = int(running.user_attrs["worker"])
    if not psutil.pid_exists(worker):
        return []
    return sorted(psutil.Process(worker).children(), key=lambda process: process.pid)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_task_of_one_rank_is_killed(tmp_path, rank):
    supervisor = start(tmp_path, *SLOW, *TWO)
    (running,) = wait_for_running(tmp_path, 1)
    tasks(running)[rank].kill()
    out, _ = supervisor.communicate(timeout=120)
    assert supervisor.returncode == 0, out
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert sum(trial.user_attrs.get("losses", 0) for trial in trials) == 1
    assert tasks(running) == []


def test_ctrl_c_ends_all_ranks(tmp_path):
    supervisor = start(tmp_path, *SLOW, *TWO)
    (running,) = wait_for_running(tmp_path, 1)
    os.kill(supervisor.pid, signal.SIGINT)
    out, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130, out
    assert tasks(running) == []
    assert set(states(tmp_path)) == {"WAITING"}
