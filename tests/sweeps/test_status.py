"""How a sweep stands, from a second terminal, by the real commands."""

import re
import subprocess
import sys

import optuna
import pytest

from tests.conftest import run_python
from tests.processes import family, kill
from tests.toy.sweeps import load, on, start, wait_for_running

MODULE = "src/hydra_sweep/__main__.py"


@pytest.fixture
def status(tmp_path):
    """`python -m hydra_sweep status`, and all that it prints."""

    def run(*arguments: str, folder: str | None = "multirun/toy", check: bool = True) -> str:
        words = [*([folder] if folder else []), *arguments]
        done = run_python(MODULE, "status", *words, cwd=tmp_path, check=check, COLUMNS="160")
        return done.stdout + done.stderr

    return run


def test_a_sweep_that_runs_is_left_alone_dies_and_ends(status, tmp_path, database, toy):
    where = [f"--storage={database}"]
    options = [on(database), "hydra.sweeper.max_failure_rate=1", "what={3: raise}"]
    supervisor = start(tmp_path, *options, "seconds=[60,60,60,60]")
    running = wait_for_running(tmp_path, 2, database)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "multirun/toy").glob("superv*")}
    said = status(*where)
    assert f"Its supervisor: process {supervisor.pid} on " in said
    assert "2 queued  2 running  0 done  0 pruned  0 failed" in said
    assert "2 workers: 2 busy" in said
    for trial in running:
        assert re.search(rf"^ +{trial.number} .* {trial.user_attrs['worker']} +0\.\d", said, re.M)
    assert "Go on with" not in said
    assert {path: path.stat().st_mtime_ns for path in files} == files

    supervisor.kill()
    supervisor.communicate()
    watching = subprocess.Popen(
        [sys.executable, "-m", "hydra_sweep", "status", "--watch", "multirun/toy", *where],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = status(*where)
    assert f"Its workers go on by themselves: its last supervisor, process {supervisor.pid} on " in said
    assert "2 workers: 2 busy" in said

    for worker in {int(t.user_attrs["worker"]) for t in running}:
        kill(reversed(family(worker)))
    said = status(*where)
    assert f"Nobody works on it: its last supervisor, process {supervisor.pid} on " in said
    assert "2 workers: 2 ended" in said
    watched = watching.communicate(timeout=60)[0]  # nobody is left to look at
    assert "Nobody works on it" in watched

    toy(*options, "seconds=[0,0,0,0]")
    said = status(*where)
    best = load(tmp_path, database).best_trial
    assert "Study toy is complete: 4 trials." in said
    assert f"best value {best.value:.6g}, trial {best.number}" in said
    assert "1 failed: ValueError: the toy is broken (trial 3)" in said
    assert "Best trials" in said
    assert " left" not in said


def test_a_sweep_is_watched_to_its_end(tmp_path):
    supervisor = start(tmp_path, "seconds=[1,1,1,6]")
    wait_for_running(tmp_path, 1)
    done = run_python(MODULE, "status", "--watch", "multirun/toy", cwd=tmp_path)
    supervisor.communicate(timeout=60)
    assert re.search(r"^\d{4}-\d\d-\d\d [\d:]{8} trial 3 done 0\.\d+ in 0:0\d ", done.stdout, re.M)
    assert "Study toy is complete: 4 trials." in done.stdout


def test_a_study_of_another_program(status, tmp_path):
    url = f"sqlite:///{tmp_path}/others.db"
    for name, directions in (("one", ["minimize"]), ("front", ["minimize", "maximize"])):
        study = optuna.create_study(storage=url, study_name=name, directions=directions)
        for x in (0.1, 0.4):
            study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
            study.tell(
                study.ask({"x": optuna.distributions.FloatDistribution(x, x)}), [x] * len(directions)
            )
    said = status(f"--storage={url}", "--study=front", folder=None)
    assert "front  ━" in said
    assert "0 queued  2 running  2 done  0 pruned  0 failed" in said
    assert "Pareto front of 2: value 0 0.1 (trial 1), value 1 0.4 (trial 3)" in said
    assert "Pareto front: 2 trials" in said
    assert "worker" not in said.partition("Pareto front: ")[0].replace("worker\n", "")
