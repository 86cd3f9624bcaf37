"""`hydra.sweeper.snapshot=true`: edits of the checkout while trials wait, by the real command."""

import os
import signal
import time
from pathlib import Path

import mlflow
import pytest

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import DATA, TOY
from tests.toy.checkout import WORKER, Checkout
from tests.toy.sweeps import load, wait_for_running

SNAPSHOT = "hydra.sweeper.snapshot=true"
FIRST_SLOW = "seconds=[2,0,0,0]"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def break_code(checkout: Checkout) -> None:
    checkout.break_syntax(*WORKER, "tests/toy/toy.py")


def change_configs(checkout: Checkout) -> None:
    checkout.edit("tests/toy/toy.yaml", "what: null", "what: {0: raise, 1: raise, 2: raise, 3: raise}")


def change_the_packages_configs(checkout: Checkout) -> None:
    checkout.edit(
        "src/hydra_sweep/configs/hydra/launcher/base_local.yaml", "timeout_min: 525600", "timeout_min: ["
    )


def change_searched_configs(checkout: Checkout) -> None:
    """A file that is found only by hydra.searchpath, which names the checkout."""
    checkout.edit("searched/more/one.yaml", "y: 1", "y: [")


EDITS = [break_code, change_configs, change_the_packages_configs, change_searched_configs]


def sweep_and_edit(checkout: Checkout, edit, *arguments: str, more: str = "one") -> tuple[int, str]:
    """Edits the checkout while trial 0 runs, and has a second worker run the trials."""
    (checkout.root / "searched/more").mkdir(parents=True)
    (checkout.root / "searched/more/one.yaml").write_text("y: 1\n")
    (checkout.root / "searched/more/two.yaml").write_text("defaults: [one]\n")
    searched = (f"hydra.searchpath=[file://{checkout.root}/searched]", f"+more={more}")
    process = checkout.start("tests/toy/toy.py", *TOY, FIRST_SLOW, *searched, *arguments)
    (running,) = wait_for_running(checkout.root, 1)
    edit(checkout)
    os.kill(int(running.user_attrs["worker"]), signal.SIGKILL)
    said = process.communicate(timeout=120)[0]
    return process.returncode, said


@pytest.mark.parametrize("edit", EDITS)
def test_with_a_snapshot_edits_harm_no_trial(checkout, edit):
    code, said = sweep_and_edit(checkout, edit, SNAPSHOT, more="one,two")
    assert code == 0, said
    assert "Workers run from a snapshot of the code" in said
    trials = load(checkout.root).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]
    assert trials[0].user_attrs["attempt"] == 1
    assert f"python {checkout.root}/tests/toy/toy.py" in said


@pytest.mark.parametrize("edit", EDITS[1:])
def test_the_configuration_of_the_start_holds_without_a_snapshot_too(checkout, edit):
    code, said = sweep_and_edit(checkout, edit)
    assert code == 0, said
    trials = load(checkout.root).trials
    assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]


@pytest.mark.parametrize("edit", EDITS[2:])
def test_without_a_snapshot_trials_whose_groups_are_searched_are_composed_of_the_files_there_are(
    checkout, edit
):
    sweep_and_edit(checkout, edit, more="one,two")
    assert "COMPLETE" not in {trial.state.name for trial in load(checkout.root).trials}


def test_files_that_are_broken_by_the_end_withhold_no_results(checkout):
    """Of which the best is kept, and those that are confirmed are composed."""
    (checkout.root / "searched/more").mkdir(parents=True)
    for name in ("one", "two"):
        (checkout.root / f"searched/more/{name}.yaml").write_text("y: 1\n")
    searched = (f"hydra.searchpath=[file://{checkout.root}/searched]", "+more=one,two")
    confirm = "hydra.sweeper.confirm={top: 1, seeds: 2}"
    process = checkout.start("tests/toy/toy.py", *TOY, "seconds=[0,0,0,3]", *searched, "+seed=1", confirm)
    while [trial.number for trial in wait_for_running(checkout.root, 1)] != [3]:
        time.sleep(0.1)
    time.sleep(1)  # it is composed by now
    for name in ("one", "two"):
        checkout.edit(f"searched/more/{name}.yaml", "y: 1", "y: [")
    said = process.communicate(timeout=120)[0]
    assert [trial.state.name for trial in load(checkout.root).trials] == ["COMPLETE"] * 4
    assert "Traceback" not in said
    assert "best could not be written: while parsing" in said
    assert "A configuration file is no yaml: while parsing" in said
    assert "best value" in said
    assert process.returncode == 1


def test_local_workers_are_of_the_code_that_was_imported_at_the_start(checkout):
    code, said = sweep_and_edit(checkout, break_code)
    assert code == 0, said
    assert [trial.state.name for trial in load(checkout.root).trials] == ["COMPLETE"] * 4


def test_what_git_does_not_ignore_is_copied(checkout):
    (checkout.root / "src/models/own.py").write_text("import torch\n")
    (checkout.root / "logs").mkdir()
    (checkout.root / "logs/old.txt").touch()
    (checkout.root / "data").symlink_to(DATA)
    (checkout.root / "README.md").symlink_to("nowhere")
    (checkout.root / "src/eval.py").unlink()
    checkout.toy(SNAPSHOT, "hydra.sweep.dir=sweeps/toy")
    (copy,) = (checkout.root / "sweeps/toy/code").glob("*/")
    assert copy.name.startswith(checkout.git("rev-parse", "--short=7", "HEAD"))
    top = {path.name for path in copy.iterdir()}
    assert top == {".gitignore", "README.md", "configs", "data", "src", "tests"}
    assert (copy / "data").readlink() == DATA
    assert (copy / "src/models/own.py").read_text() == "import torch\n"
    assert not (copy / "src/eval.py").exists()


def test_a_later_supervisor_takes_another_snapshot_only_of_other_code(checkout):
    code = checkout.root / "multirun/toy/code"
    pruned = "what: {0: prune, 1: prune, 2: prune}"
    checkout.edit("tests/toy/toy.yaml", "what: null", pruned)
    (checkout.root / "src/own.py").write_text("x = 1\n")  # untracked: no diff tells of its change
    checkout.toy(SNAPSHOT, "hydra.sweeper.n_trials=1")
    checkout.toy(SNAPSHOT, "hydra.sweeper.n_trials=2")
    assert len(list(code.glob("*/"))) == 1

    checkout.edit("tests/toy/toy.yaml", pruned, "what: null")
    (checkout.root / "src/own.py").write_text("x = 2\n")
    checkout.toy(SNAPSHOT, "hydra.sweeper.n_trials=3")
    assert len(list(code.glob("*/"))) == 2
    study = load(checkout.root)
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "PRUNED", "COMPLETE"]
    names = [entry["snapshot"] for entry in study.user_attrs["code"]]
    assert len(names) == 2
    assert {Path(name).name for name in names} == {path.name for path in code.glob("*/")}


def test_a_config_that_git_ignores_is_read_from_the_checkout(checkout):
    with (checkout.root / ".gitignore").open("a") as file:
        file.write("tests/toy/local/\n")
    checkout.edit("tests/toy/toy.yaml", "  - _self_\n", "  - _self_\n  - optional local: default\n")
    (checkout.root / "tests/toy/local").mkdir()
    (checkout.root / "tests/toy/local/default.yaml").write_text("# @package _global_\nwhat: {1: prune}\n")
    checkout.toy(SNAPSHOT)
    states = [trial.state.name for trial in load(checkout.root).trials]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE", "COMPLETE"]


def test_no_storage_password_is_in_the_copy(checkout, tmp_path):
    url = "sqlite:////never/made:secret-word@host"  # as a user may note it down
    checkout.edit("tests/toy/toy.yaml", "x: 0.5", f"x: 0.5 # {url}")
    os.environ["SWEEP_STORAGE_PASSWORD"] = "secret-word"
    try:
        checkout.toy(SNAPSHOT)
    finally:
        del os.environ["SWEEP_STORAGE_PASSWORD"]
    written = [path for path in (checkout.root / "multirun").rglob("*") if path.is_file()]
    assert any(path.name == "toy.yaml" for path in written)
    assert not [path for path in written if b"secret-word" in path.read_bytes()]


def test_outside_a_repository_one_line_says_so_and_nothing_is_written(tmp_path):
    checkout = Checkout(tmp_path / "checkout", with_git=False)
    began = time.monotonic()
    said = checkout.toy(SNAPSHOT, code=1)
    assert time.monotonic() - began < 5
    assert f"{checkout.root}/tests/toy is no git repository" in said
    assert "git init" in said
    assert not (checkout.root / "multirun").exists()


def test_a_dry_run_and_a_failed_preparation_leave_no_copy_behind(checkout):
    checkout.toy(SNAPSHOT, "hydra.sweeper.dry_run=true")
    said = checkout.toy(
        SNAPSHOT, "hydra.sweeper.prepare=hydra_sweep.supervisor.study_name.next_free", code=1
    )
    assert "next_free: TypeError" in said
    assert not (checkout.root / "multirun").exists()


def test_training_goes_on_from_the_snapshot_while_all_of_src_is_broken(checkout, tmp_path):
    process = checkout.start(
        "src/train.py",
        *("-m", "hparams_search=mnist_optuna", SNAPSHOT, "trainer.max_epochs=1"),
        *("+trainer.limit_train_batches=5", "+trainer.limit_val_batches=2"),
        *("hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", f"paths.data_dir={DATA}"),
    )
    folder = checkout.root / "logs/train/multiruns/mnist_optuna"
    deadline = time.monotonic() + 90
    # the worker, which imports torch for seconds before it imports any of src
    while not list(folder.glob("workers/*_submitted.pkl")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    checkout.break_syntax(
        *(str(path.relative_to(checkout.root)) for path in checkout.root.glob("src/**/*.py"))
    )
    checkout.edit("configs/train.yaml", "seed: null", "seed: [")
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 0, said
    study = StudyAddress("mnist_optuna", folder).load()
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    assert "mlflow ui" in said  # `finish` was imported after the edit
    client = mlflow.MlflowClient(f"sqlite:///{checkout.root}/logs/mlflow/mlflow.db")  # not the copy's
    tags = client.get_run(study.user_attrs["mlflow_parent_run_id"]).data.tags
    assert tags["mlflow.source.git.commit"] == checkout.git("rev-parse", "HEAD")
    assert tags["mlflow.source.git.dirty"] == "false"
