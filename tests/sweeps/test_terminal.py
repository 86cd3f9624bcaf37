"""Ctrl-C in a real terminal, on real trainings."""

import sys
import time

import pexpect
from optuna.trial import TrialState

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import DATA, ROOT

SHORT = ["trainer.max_epochs=10", "+trainer.limit_train_batches=40", "+trainer.limit_val_batches=5"]
TWO_AT_ONCE = ["hydra.sweeper.n_jobs=1", "hydra.sweeper.slots=2"]


def sweep(folder, n_trials: int) -> pexpect.spawn:
    search = ["-m", "hparams_search=mnist_optuna", f"hydra.sweeper.n_trials={n_trials}"]
    options = [
        *SHORT,
        *TWO_AT_ONCE,
        "hydra/sweeper/pruner=none",
        f"paths.log_dir={folder}",
        f"paths.data_dir={DATA}",
    ]
    script = str(ROOT / "src/train.py")
    return pexpect.spawn(
        sys.executable, [script, *search, *options], encoding="utf-8", timeout=120, dimensions=(50, 200)
    )


def wait_for_epoch(address: StudyAddress, epoch: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        study = address.load_existing()
        if study and any((trial.last_step or 0) >= epoch for trial in study.get_trials(deepcopy=False)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"no trial came to epoch {epoch}")


def test_ctrl_c_and_the_same_command_again(tmp_path):
    address = StudyAddress("mnist_optuna", tmp_path / "train/multiruns/mnist_optuna")
    terminal = sweep(tmp_path, 3)
    terminal.expect("lin3_size")  # the head of the live table
    wait_for_epoch(address, 3)
    terminal.sendintr()
    for said in (
        "Stopping: running trials go back",
        "queued",
        "Go on with:",
        "hparams_search=mnist_optuna",
    ):
        terminal.expect(said)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130

    stopped = address.load().trials
    assert {trial.state for trial in stopped} <= {TrialState.WAITING, TrialState.COMPLETE}
    begun = [trial for trial in stopped if trial.state == TrialState.WAITING and trial.params]
    assert any(trial.intermediate_values for trial in begun)

    again = sweep(tmp_path, 3)
    again.expect("Best trials")
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0
    ended = address.load().trials
    assert [trial.state for trial in ended] == [TrialState.COMPLETE] * 3
    for before in begun:
        after = ended[before.number]
        assert after.params == before.params
        assert before.intermediate_values.items() <= after.intermediate_values.items()
        assert len(after.intermediate_values) == 10
        log = (address.folder / str(before.number) / "train.log").read_text()
        assert "goes on at step" in log or not before.intermediate_values
