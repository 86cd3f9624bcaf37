"""Sweeps on a real SLURM, by the real command."""

import json
import signal
import subprocess
import time

import pytest

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import TOY
from tests.toy.checkout import WORKER, Checkout
from tests.toy.sweeps import TWO_WORKERS, load, start, times, wait_for_running

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.usefixtures("slurm")]

SLURM = "hydra/launcher=slurm"


def jobs_of(name: str) -> list[str]:
    command = ["squeue", "--noheader", "--array", f"--name={name}", "--format=%i"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_main_command(train, tmp_path):
    train(
        *("-m", "hparams_search=mnist_optuna", SLURM, "hydra.sweeper.n_jobs=4"),
        *("hydra.launcher.gpus_per_node=1", "hydra.sweeper.n_trials=12", "hydra.sweeper.study_name=gpus"),
        *("trainer.max_epochs=1", "+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"),
        *("trainer.accelerator=cpu", "+callbacks.note._target_=tests.sweeps.slurm.note_gpu.NoteGpu"),
    )
    assert jobs_of("gpus") == []
    folder = tmp_path / "logs/train/multiruns/gpus"
    trials = StudyAddress("gpus", folder).load().trials
    assert len(trials) == 12
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED"}
    gpus = {t.user_attrs["worker"]: (folder / str(t.number) / "gpu").read_text() for t in trials}
    assert all(gpu.split()[1].isdigit() for gpu in gpus.values())
    assert len(set(gpus.values())) == len(gpus) == 4


def test_ddp_over_two_nodes(train, tmp_path):
    train(
        *("-m", "hparams_search=mnist_optuna", SLURM, "hydra.sweeper.n_jobs=1", "hydra.launcher.nodes=2"),
        *("trainer.num_nodes=2", "trainer.strategy=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=3"),
        *("hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner", "hydra/sweeper/pruner=none"),
        *("+hydra.sweeper.pruner.upper=0.0", "+hydra.sweeper.pruner.n_warmup_steps=2"),
        *("hydra.sweeper.n_trials=2", "hydra.sweeper.study_name=ddp", "+trainer.limit_train_batches=10"),
    )
    folder = tmp_path / "logs/train/multiruns/ddp"
    trials = StudyAddress("ddp", folder).load().trials
    assert [(trial.state.name, trial.last_step) for trial in trials] == [("PRUNED", 2)] * 2
    assert len({trial.user_attrs["worker"] for trial in trials}) == 1
    first, second = sorted(trials, key=lambda trial: trial.datetime_start)
    assert first.datetime_complete <= second.datetime_start
    records = map(json.loads, (folder / "study.journal").read_text().splitlines())
    told = [record["trial_id"] for record in records if record.get("datetime_complete")]
    assert sorted(told) == [0, 1]  # each once
    workers = "".join(path.read_text() for path in (folder / "workers").glob("*.log"))
    for trial in trials:
        overrides = (folder / f"{trial.number}/.hydra/overrides.yaml").read_text()
        assert f"model.optimizer.lr={trial.params['model.optimizer.lr']}" in overrides
        own = f"Trial {trial.number}, rank 1: model.optimizer.lr={trial.params['model.optimizer.lr']} "
        assert own in workers
        assert f"Trial {trial.number}, rank 1: PRUNED" in workers
        assert "MEMBER: 2/2" in (folder / f"{trial.number}/train.rank1.log").read_text()


def test_one_job_a_trial_and_never_more_than_asked_for(toy, tmp_path):
    seconds = f"seconds={[1] * 7}".replace(" ", "")
    toy(
        SLURM,
        "hydra.sweeper.trials_per_job=1",
        "hydra.sweeper.n_jobs=3",
        "hydra.sweeper.n_trials=7",
        seconds,
    )
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 7
    assert len({trial.user_attrs["worker"] for trial in trials}) == 7
    assert len(list((tmp_path / "multirun/toy/workers").glob("*_submitted.pkl"))) == 7
    lines = (tmp_path / "multirun/toy/times").read_text().splitlines()
    spans = [tuple(map(float, line.split()[1:])) for line in lines]
    assert max(sum(begun <= start < ended for begun, ended in spans) for start, _ in spans) <= 3


def test_with_a_snapshot_a_syntax_error_harms_no_trial(tmp_path):
    checkout = Checkout(tmp_path)
    jobs = ["hydra.sweeper.n_jobs=1", "hydra.sweeper.trials_per_job=1", "seconds=[3,0,0]"]
    process = checkout.start(
        *("tests/toy/toy.py", *TOY, SLURM, *jobs, "hydra.sweeper.n_trials=3"),
        "hydra.sweeper.snapshot=true",
    )
    wait_for_running(tmp_path, 1)
    checkout.break_syntax(*WORKER, "tests/toy/toy.py")
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    assert len({trial.user_attrs["worker"] for trial in trials}) == 3  # jobs that began after it


def test_ctrl_c_leaves_no_job(tmp_path):
    supervisor = start(tmp_path, SLURM, "seconds=[60,60,60,60]", "hydra.sweeper.study_name=stopped")
    wait_for_running(tmp_path, 2, name="stopped")
    supervisor.send_signal(signal.SIGINT)
    out, _ = supervisor.communicate(timeout=90)
    assert supervisor.returncode == 130, out
    assert jobs_of("stopped") == []
    study = StudyAddress("stopped", tmp_path / "multirun/stopped").load()
    assert {trial.state.name for trial in study.trials} == {"WAITING"}


def test_a_sweep_that_is_not_waited_for_completes_by_itself(toy, tmp_path):
    begun = time.monotonic()
    done = toy(SLURM, TWO_WORKERS, "hydra.sweeper.wait=false", "seconds=[9,9,9,9]")
    assert "Workers go on by themselves: 2." in done.stdout
    assert time.monotonic() - begun < 18  # the trials' own time
    deadline = time.monotonic() + 120
    while sum(t.state.is_finished() for t in load(tmp_path).trials) < 4 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    again = toy(SLURM, "hydra.sweeper.wait=false")
    assert "Study toy is complete: 4 trials" in again.stdout


def test_a_partition_that_is_not_there_is_one_line(toy, tmp_path):
    done = toy(SLURM, "hydra.launcher.partition=wrong", "hydra.sweeper.study_name=wrong", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[0]
    assert "Invalid partition name specified" in line
    sinfo = ["sinfo", "--noheader", "--format=%R"]
    for name in subprocess.run(sinfo, capture_output=True, text=True, check=True).stdout.split():
        assert name in line
    assert list(tmp_path.iterdir()) == []
    assert jobs_of("wrong") == []


def test_cancelled_workers_are_not_replaced_for_ever(tmp_path):
    options = [SLURM, "hydra.sweeper.max_retries=1", "hydra.sweeper.study_name=unwanted"]
    supervisor = start(tmp_path, *options, "seconds=[30,30,30,30]")
    while supervisor.poll() is None:
        subprocess.run(["scancel", "--state=RUNNING", "--name=unwanted"], check=False)
        time.sleep(1)
    said = supervisor.communicate(timeout=60)[0]
    assert supervisor.returncode == 1, said
    assert "3 workers were cancelled by someone else, and no more are started" in said
    assert jobs_of("unwanted") == []
    again = start(tmp_path, *options, "seconds=[0,0,0,0]")
    said = again.communicate(timeout=120)[0]
    assert again.returncode == 0, said
    study = StudyAddress("unwanted", tmp_path / "multirun/unwanted").load()
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}


def test_a_trial_that_is_preempted_in_a_job_of_its_own_is_run_by_that_job(toy, tmp_path):
    """Nobody would start another."""
    own = ["hydra.sweeper.wait=false", "hydra.sweeper.trials_per_job=1", "hydra.sweeper.n_trials=2"]
    toy(SLURM, *own, TWO_WORKERS, "seconds=[6,6]", "hydra.sweeper.study_name=alone")
    wait_for_running(tmp_path, 2, name="alone")
    subprocess.run(["scancel", "--signal=USR2", jobs_of("alone")[0]], check=True)
    study = StudyAddress("alone", tmp_path / "multirun/alone").load()
    deadline = time.monotonic() + 120
    while any(not t.state.is_finished() for t in study.trials) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2
    assert sorted(trial.user_attrs.get("attempt", 0) for trial in study.trials) == [0, 1]
    assert len({trial.user_attrs["worker"] for trial in study.trials}) == 2
