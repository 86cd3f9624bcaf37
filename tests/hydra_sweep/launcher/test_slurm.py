"""What SLURM says, and what is made of it. `tests/sweeps/slurm` has real ones."""

import os
import subprocess

import pytest

from hydra_plugins.hydra_sweep.launchers import SlurmLauncher
from hydra_sweep.errors import SweepError
from hydra_sweep.launcher import slurm
from hydra_sweep.launcher.state import JobState


class Slurm:
    """Answers each command with the next of what it is to say; None: no answer."""

    def __init__(self) -> None:
        self.said: list[str | None] = []
        self.asked: list[list[str]] = []

    def __call__(self, command, **_):
        self.asked.append(list(command))
        said = self.said.pop(0)
        return subprocess.CompletedProcess(command, 0 if said is not None else 1, said or "", "no answer")


@pytest.fixture
def said(monkeypatch) -> list[str | None]:
    fake = Slurm()
    monkeypatch.setattr(slurm, "_run", fake)
    monkeypatch.setattr(SlurmLauncher, "answer_age_s", -1.0)  # each look asks
    return fake.said


@pytest.fixture
def launcher() -> SlurmLauncher:
    return SlurmLauncher(timeout_min=60, signal_delay_s=90)


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("7_0|RUNNING|None", JobState.RUNNING),
        ("7_0|COMPLETING|None", JobState.RUNNING),
        ("7_0|PENDING|Resources", JobState.QUEUED),
        ("7_0|PENDING|BeginTime", JobState.QUEUED),  # requeued
        ("7_0|PENDING|JobHeldUser", JobState.QUEUED),  # who may release it again
        ("7_0|PENDING|job requeued in held state", JobState.HELD),
        ("7_0|PENDING|launch failed requeued held", JobState.HELD),
        ("7_0|SPECIAL_EXIT|None", JobState.HELD),
        ("7_0|CANCELLED|None", JobState.CANCELLED),
        ("7_0|NODE_FAIL|None", JobState.ENDED),
        ("7_0|PREEMPTED|None", JobState.ENDED),
        ("7_1|RUNNING|None", JobState.ENDED),  # another than was asked of: squeue has forgotten it
    ],
)
def test_states(launcher, said, line, state):
    said.append(f"{line}\n")
    assert launcher.look(["7_0"])["7_0"].state == state


def test_no_answer_is_not_death_and_death_is_told_twice_in_a_row(launcher, said):
    said += [None, "7_0|RUNNING|None", "7_0|FAILED|None", None, "7_0|FAILED|None", "7_0|FAILED|None"]
    alive = [launcher.look(["7_0"])["7_0"].alive for _ in range(6)]
    assert alive == [True, True, False, True, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"additional_parameters": {"clusters": "x"}}, "export SLURM_CLUSTERS"),
        ({"use_srun": False}, "Expected true"),
        ({"gpus_per_task": 1, "tasks_per_node": 2}, "Set hydra.launcher.gpus_per_node instead"),
        ({"timeout_min": 2, "signal_delay_s": 90}, "leaves a worker 30 s: expected at least 45"),
    ],
)
def test_what_slurm_would_take_and_a_sweep_cannot_live_with(monkeypatch, options, message):
    monkeypatch.setattr(slurm.shutil, "which", lambda _: "sbatch")
    with pytest.raises(SweepError, match=message):
        SlurmLauncher(**{"timeout_min": 60, "signal_delay_s": 90, **options}).check(first=False)


@pytest.mark.parametrize(("state", "requeued"), [("RUNNING", True), ("COMPLETING", False), ("", True)])
def test_a_job_is_requeued_unless_it_was_cancelled(monkeypatch, state, requeued):
    fake = Slurm()
    fake.said += [state, ""]
    monkeypatch.setattr(slurm, "_run", fake)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    slurm._requeue()
    assert (["scontrol", "requeue", "7"] in fake.asked) == requeued


def test_workers_are_not_part_of_the_job_that_their_supervisor_runs_in(monkeypatch):
    kept = {"SLURM_CONF": "/etc/slurm.conf", "SLURM_CLUSTERS": "one", "SBATCH_PARTITION": "main"}
    for name, value in {**kept, "SLURM_JOB_ID": "7", "SRUN_CPUS_PER_TASK": "3"}.items():
        monkeypatch.setenv(name, value)
    with slurm._outside_of_a_job():
        ours = {name: value for name, value in os.environ.items() if name[:4] in ("SLUR", "SRUN", "SBAT")}
    assert ours.items() >= kept.items()
    assert "SLURM_JOB_ID" not in ours
    assert "SRUN_CPUS_PER_TASK" not in ours
    assert os.environ["SLURM_JOB_ID"] == "7"
