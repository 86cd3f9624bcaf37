"""Every sampler and every pruner, by the real command: four workers, every process killed in the midst, and
the same command again. `pytest tests/sweeps/test_search.py --all-pairs`: each sampler with each pruner."""

import time
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest

from tests.processes import kill, working_in
from tests.toy.sweeps import load, start

SWEEP = ["x=range(0.0,1.0,0.01)", "steps=5", "hydra.sweeper.seed=1", "hydra.sweeper.n_jobs=4"]
SAMPLERS = ["tpe", "gp", "cmaes", "nsgaii", "nsgaiii", "qmc", "random", "grid", "brute_force", "auto"]
PRUNERS = {
    **dict.fromkeys(
        ["none", "median", "percentile", "asha", "hyperband", "patient", "wilcoxon", "first_rung"], ()
    ),
    "threshold": ("hydra.sweeper.pruner.upper=1.2",),
}
# whether some are stopped, where that is certain
PRUNES = {"none": False, "asha": True, "first_rung": True}
# before and after the kill: a sampler goes on with what another began
EACH_ONCE = [
    (("tpe", "none"), ("gp", "none")),
    (("cmaes", "percentile"), ("nsgaii", "asha")),
    (("nsgaiii", "hyperband"), ("qmc", "patient")),
    (("random", "threshold"), ("auto", "first_rung")),
    (("brute_force", "wilcoxon"), ("brute_force", "median")),
    (("grid", "first_rung"), ("grid", "first_rung")),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "before" in metafunc.fixturenames:
        every = metafunc.config.getoption("all_pairs")
        pairs = product(SAMPLERS, PRUNERS)
        cases = [(one, one, 30) for one in pairs] if every else [(*one, 16) for one in EACH_ONCE]
        names = ["-".join((*before, *(after if after != before else ()))) for before, after, _ in cases]
        metafunc.parametrize(("before", "after", "n_trials"), cases, ids=names)


def test_each_is_there_once():
    tried = [pair for case in EACH_ONCE for pair in case]
    assert {sampler for sampler, _ in tried} == set(SAMPLERS)
    assert {pruner for _, pruner in tried} == set(PRUNERS)


def test_it_is_killed_and_goes_on(toy, tmp_path, before, after, n_trials):
    size = f"hydra.sweeper.n_trials={n_trials}"
    process = start(tmp_path, *words(*before), size)
    wait_for_ended(tmp_path, n_trials // 5)
    kill(working_in(tmp_path))
    process.communicate()
    assert ended(tmp_path) < n_trials
    done = toy(*words(*after), size)
    assert "Warning" not in done.stdout + done.stderr
    trials = load(tmp_path).trials
    states = [trial.state.name for trial in trials]
    assert len(states) == n_trials
    assert set(states) <= {"COMPLETE", "PRUNED"}
    if before == after:
        assert ("PRUNED" in states) == PRUNES.get(after[1], "PRUNED" in states)
    if before[0] in ("grid", "brute_force"):
        assert len({trial.params["x"] for trial in trials}) == n_trials


def words(sampler: str, pruner: str) -> list[str]:
    chosen = [f"hydra/sweeper/sampler={sampler}", f"hydra/sweeper/pruner={pruner}"]
    return [*SWEEP, *chosen, *PRUNERS[pruner]]


def ended(folder: Path) -> int:
    return sum(trial.state.is_finished() for trial in load(folder).trials)


def wait_for_ended(folder: Path, n: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(KeyError):
            if (folder / "multirun/toy/study.journal").exists() and ended(folder) >= n:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{n} trials never ended")
