"""`hydra.sweeper.slots=auto`, on a GPU that tests/toy/bin/nvidia-smi shows."""

import os

import pytest

from tests.conftest import ROOT
from tests.toy.sweeps import load

AUTO = ["hydra.sweeper.slots=auto", "hydra.sweeper.n_jobs=1"]


def most_at_once(folder) -> int:
    lines = (folder / "multirun/toy/times").read_text().splitlines()
    spans = [tuple(map(float, line.split()[1:])) for line in lines]
    return max(sum(start <= at < end for start, end in spans) for at, _ in spans)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="auto is at most one trial a CPU")
def test_as_many_as_fit_and_who_was_beside_them_runs_again(toy, tmp_path):
    gpu = tmp_path / "gpu"
    gpu.mkdir()
    path = f"{ROOT / 'tests/toy/bin'}{os.pathsep}{os.environ['PATH']}"
    # Two of 3,000 MiB fit. Trial 2 begins while trial 1 runs, has no room, and runs again alone.
    sizes = "gpu=[3000,3000,8000,12000]", "seconds=[8,4,1,1]"
    done = toy(*AUTO, *sizes, PATH=path, TOY_GPU=str(gpu), CUDA_VISIBLE_DEVICES="0")
    assert "1 worker, slots=auto" in done.stdout
    assert "slots=auto is 1" not in done.stdout
    assert most_at_once(tmp_path) == 2
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3 + ["PRUNED"]
    beside, alone = trials[2].user_attrs, trials[3].user_attrs
    assert beside["attempt"] == 1
    assert "losses" not in beside
    assert "out of memory" in beside["interrupted"]
    assert "attempt" not in alone
    assert "out of memory: CUDA out of memory" in alone["reason"]
    log = next((tmp_path / "multirun/toy/workers").glob("*.log")).read_text()
    assert "Slots: 2 (largest trial 3000 MiB, GPU 30 % busy" in log
    assert "Slots: 1 (out of memory beside others)" in log


def test_without_a_gpu_it_is_one_and_says_so(toy, tmp_path):
    done = toy(*AUTO, "hydra.sweeper.n_trials=2", CUDA_VISIBLE_DEVICES="")
    assert "hydra.sweeper.slots=auto is 1 here" in done.stdout
    assert [trial.state.name for trial in load(tmp_path).trials] == ["COMPLETE"] * 2
    assert most_at_once(tmp_path) == 1
