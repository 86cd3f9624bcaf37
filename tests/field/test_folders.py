"""One folder a trial, whatever it is called; nothing is ever overwritten."""

import sqlite3

import pytest

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import DATA, run_python
from tests.field.table import Case, check, table
from tests.toy.sweeps import load

LONG = "a" * 300


@table(
    Case(f"hydra.sweeper.study_name={LONG}", r"hydra\.sweep\.dir: expected names of at most 255 bytes", 1),
    Case(f"hydra.sweep.dir=b/{LONG}", r"hydra\.sweep\.dir: expected names of at most 255 bytes", 1),
    Case(f"extra_name={LONG}", r"hydra\.sweep\.dir: expected names of at most 255 bytes", 1),
    Case(f"hydra.job.name={LONG}", r"hydra\.job\.name: it names a file, and is too long", 1),
    Case(f"hydra.sweep.subdir={LONG}", "Nothing was written or started"),
    Case("hydra.output_subdir=null", "Nothing was written or started"),
)
def test_names_that_are_too_long_are_told(case, train, tmp_path):
    check(case, train, tmp_path)


ONE = ("x=choice(0.1)", "hydra.sweeper.n_jobs=1")


@pytest.mark.parametrize(
    ("subdir", "names"),
    [
        ("trial", {"trial", "trial_1", "trial_2"}),
        ("${hydra.job.override_dirname}", {"x=0.1", "x=0.1_1", "x=0.1_2"}),
        ("deep/${x}", {"deep/0.1", "deep/0.1_1", "deep/0.1_2"}),
        ("${oc.env:HERE}/elsewhere", {"../../elsewhere", "../../elsewhere_1", "../../elsewhere_2"}),
        (LONG, {"a" * 255, "a" * 253 + "_1", "a" * 253 + "_2"}),
        ("workers", {"0", "1", "2"}),
        ("..", {"0", "1", "2"}),
    ],
)
def test_each_trial_has_its_own(toy, tmp_path, subdir, names):
    toy(f"hydra.sweep.subdir={subdir}", *ONE, "hydra.sweeper.n_trials=3", HERE=str(tmp_path))
    sweep = tmp_path / "multirun" / "toy"
    assert [trial.value for trial in load(tmp_path).trials] == [0.1] * 3
    folders = [(sweep / str(number)).resolve() for number in range(3)]
    assert set(folders) == {(sweep / name).resolve() for name in names}
    for folder in folders:
        assert (folder / ".hydra" / "config.yaml").is_file()
        assert len(list(folder.glob("toy.log"))) == 1


def test_a_trial_that_goes_on_does_so_in_its_folder(toy, tmp_path):
    """In another worker and sweep, too, though its subdir is made of the job's id."""
    same = [
        "hydra.sweep.subdir=j${hydra:job.id}",
        "x=choice(0.1)",
        "epochs=1",
        "hydra.sweeper.trials_per_job=1",
    ]
    toy(*same, "hydra.sweeper.n_trials=2", "what={0: kill once}")
    toy(*same, "hydra.sweeper.n_trials=3")
    sweep = tmp_path / "multirun" / "toy"
    assert len({(sweep / str(number)).resolve() for number in range(3)}) == 3
    assert len(list(sweep.glob("j*"))) == 3
    assert load(tmp_path).trials[0].user_attrs["attempt"] == 1
    assert len((sweep / "0" / "epochs").read_text().splitlines()) == 1  # the second attempt found it


def test_a_study_that_is_gone_leaves_its_folders_alone(toy, tmp_path):
    same = ["hydra.sweep.subdir=trial", *ONE, "hydra.sweeper.n_trials=1"]
    toy(*same)
    (tmp_path / "multirun/toy/study.journal").unlink()
    done = toy(*same, check=False)
    assert done.returncode == 1
    assert "holds trials, but there is no study toy" in done.stderr


def test_trainings_keep_apart(tmp_path):
    """With a constant subdir, a relative log folder, and each trial in a working directory of its own."""
    run_python(
        "src/train.py",
        *("-m", "hparams_search=mnist_optuna", "trainer.max_epochs=1", "+trainer.limit_train_batches=2"),
        *("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "hydra.job.chdir=true"),
        *("paths.log_dir=logs", f"paths.data_dir={DATA}", "hydra.sweep.subdir=trial"),
        cwd=tmp_path,
    )
    sweep = tmp_path / "logs/train/multiruns/mnist_optuna"
    assert sorted(path.name for path in sweep.glob("trial*")) == ["trial", "trial_1"]
    study = StudyAddress("mnist_optuna", sweep).load()
    for trial in study.trials:
        folder = (sweep / str(trial.number)).resolve()
        assert trial.state.name == "COMPLETE"
        assert (folder / "checkpoints/last.ckpt").is_file()
        assert not (folder / "checkpoints/resume.ckpt").exists()
        assert not (folder / "logs").exists()
    tags = "SELECT value FROM tags WHERE key = 'folder'"
    with sqlite3.connect(tmp_path / "logs/mlflow/mlflow.db") as store:
        logged = {value for (value,) in store.execute(tags)}
    assert logged == {str(sweep), str(sweep / "trial"), str(sweep / "trial_1")}
