"""A project of lightning-hydra-template's layout, with a `src` of its own and the lines of the README."""

import sqlite3
from pathlib import Path

import pytest

from hydra_sweep.study.storage import StudyAddress
from tests.wheel.conftest import run

pytestmark = pytest.mark.xdist_group("lightning project")
SEARCH = ["src/train.py", "-m", "hparams_search=optuna", "logger=mlflow"]


def test_it_sweeps_prunes_resumes_and_is_compared(lightning_environment, project):
    alike = ["model.optimizer.lr=0.02", "model.net.width=8", "hydra/sweeper/pruner=none"]
    alike += ["+copy=choice(0,1)"]  # of one seed nothing is trained twice
    die = "+callbacks.die_once._target_=src.callbacks.die_once.DieOnce"
    once = ["hydra.sweeper.n_trials=2", "hydra.sweeper.study_name=alike", "hydra.sweeper.n_jobs=1"]
    run(lightning_environment, *SEARCH, *alike, *once, die, cwd=project)
    killed, other = load(project, "alike").trials
    assert (killed.user_attrs["attempt"], other.user_attrs.get("attempt")) == (1, None)
    assert killed.intermediate_values == other.intermediate_values
    assert len(killed.intermediate_values) == 5
    assert killed.value == other.value
    assert "Attempt 2 goes on at step 12" in (folder(project, "alike") / "0/train.log").read_text()

    # from another folder, where Python would not find `src` by itself
    asha = [
        "hydra/sweeper/pruner=asha",
        "hydra.sweeper.pruner.reduction_factor=2",
        "hydra.sweeper.n_trials=8",
    ]
    command = [lightning_environment, project / SEARCH[0], *SEARCH[1:], *asha]
    (project.parent / "elsewhere").mkdir()
    said = run(*command, cwd=project.parent / "elsewhere")
    study = load(project, "train")
    states = [trial.state.name for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}
    assert f"{states.count('COMPLETE')} done, {states.count('PRUNED')} pruned" in said
    assert list((project.parent / "elsewhere").iterdir()) == []
    assert "Study train is complete: 8 trials." in run(*command, cwd=project)

    # MLflow: a parent a sweep, and below it a child a trial
    with sqlite3.connect(project / "logs/mlflow/mlflow.db") as store:
        names = dict(store.execute("SELECT run_uuid, name FROM runs"))
        parents = store.execute("SELECT run_uuid, value FROM tags WHERE key = 'mlflow.parentRunId'")
        below = {names[run]: names[parent] for run, parent in parents}
    assert below == {f"{name}-{i}": name for name, n in (("alike", 2), ("train", 8)) for i in range(n)}
    assert set(names.values()) == {"alike", "train", *below}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("+trainer.max_epoch=3", "Did you mean max_epochs?"),
        ("trainer.accelerator=gpu", "this machine shows no GPU"),
    ],
)
def test_mistakes_are_found_before_anything_is_started(lightning_environment, project, wrong, said):
    done = run("env", "CUDA_VISIBLE_DEVICES=", lightning_environment, *SEARCH, wrong, cwd=project, code=1)
    assert said in done
    assert "Traceback" not in done
    assert not (project / "logs").exists()


def folder(project: Path, name: str) -> Path:
    return project / "logs/train/multiruns" / name


def load(project: Path, name: str):
    return StudyAddress(name, folder(project, name)).load()
