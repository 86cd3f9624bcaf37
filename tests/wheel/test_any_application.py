"""Any Hydra application: the wheel, and no line of its own changes."""

import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.processes import kill, working_in
from tests.wheel.conftest import run

pytestmark = pytest.mark.xdist_group("wheel")
SWEEP = ["-m", "hydra/sweeper=async_optuna", "hydra/launcher=local", "x=interval(0,1)", "seconds=1"]
HEAVY = {"torch", "lightning", "mlflow"}
# each time from the study, as any user may
STATES = """
import optuna
from optuna.storages.journal import JournalFileBackend
optuna.logging.set_verbosity(optuna.logging.WARNING)
storage = optuna.storages.JournalStorage(JournalFileBackend("multirun/app/study.journal"))
print(*(trial.state.name for trial in optuna.load_study(study_name=None, storage=storage).trials))
"""


@pytest.fixture(
    scope="session", params=[(), ("hydra-optuna-sweeper",)], ids=["bare", "beside the stock sweeper"]
)
def python(request, pip_environment) -> Path:
    return pip_environment(*request.param)


@pytest.fixture
def app(tmp_path) -> Path:
    for name in ("app.py", "app.yaml"):
        shutil.copy2(ROOT / "tests/wheel" / name, tmp_path)
    return tmp_path


def states(python: Path, app: Path) -> list[str]:
    return run(python, "-c", STATES, cwd=app).split()


def test_it_sweeps_is_killed_and_goes_on(python, app):
    assert not HEAVY & set(run(python, "-m", "pip", "list", cwd=app).split())
    command = [python, "app.py", *SWEEP, "hydra.sweeper.n_trials=8"]
    with open(app / "said", "w") as said:
        process = subprocess.Popen(command, cwd=app, stdout=said, stderr=said)
    deadline = time.monotonic() + 60
    while "COMPLETE" not in (
        now := states(python, app) if (app / "multirun/app/study.journal").exists() else []
    ):
        assert process.poll() is None, (app / "said").read_text()
        assert time.monotonic() < deadline
    ours = working_in(app)
    kill(ours)
    psutil.wait_procs(ours)
    process.wait()
    assert len(ours) >= 5  # a supervisor, and two workers with a trial each
    assert 1 <= now.count("COMPLETE") < 8

    said = run(*command, cwd=app)
    assert states(python, app) == ["COMPLETE"] * 8
    assert "Best trials" in said
    assert f"All of it: {app}/multirun/app" in said
    assert f"python app.py {' '.join(SWEEP[1:3])} seconds=1 hydra.mode=RUN x=" in said
    for unwanted in ("Warning", "Traceback", "data set", "tracking"):
        assert unwanted not in said
    assert "Study app is complete: 8 trials." in run(*command, cwd=app)


@pytest.mark.parametrize("sampler", ["tpe", "nsgaiii", "auto", "grid"])
def test_samplers_go_by_their_names(python, app, sampler):
    own = [
        "hydra.sweeper.seed=1",
        "seconds=0",
        f"hydra/sweeper/sampler={sampler}",
        "hydra.sweeper.n_trials=4",
    ]
    said = run(python, "app.py", "-m", "hydra/sweeper=async_optuna", "x=interval(0,1)", *own, cwd=app)
    assert "4 done" in said
    assert "Warning" not in said


@pytest.mark.parametrize("python", [()], indirect=True, ids=["bare"])
def test_what_is_missing_for_a_sampler_is_said(python, app):
    said = run(
        *(python, "app.py", "-m", "hydra/sweeper=async_optuna", "x=interval(0,1)"),
        "hydra/sweeper/sampler=cmaes",
        cwd=app,
        code=1,
    )
    assert "Install the package cmaes" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("launcher", ["basic", "submitit_local"])
def test_a_launcher_that_cannot_be_watched_is_refused(python, app, launcher):
    said = run(python, "app.py", *SWEEP[:2], SWEEP[3], f"hydra/launcher={launcher}", cwd=app, code=1)
    assert f"hydra/launcher={launcher} waits for its jobs" in said
    assert "Valid: local, slurm." in said
    assert "Traceback" not in said
    assert not (app / "multirun").exists()
