"""What befalls jobs and daemons of the cluster of scripts/slurm_cluster.sh: its causes, one a function."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
from optuna.trial import FrozenTrial
from rich.console import Console

from hydra_sweep.study.queue import attempt_of
from scripts.disturbed_sweep import ROOT, kill
from scripts.slurm_sweeps import LOST_NODE, SIGNAL_S, ClusterSweep, slurm, wait_for

console = Console(highlight=False)


def node_of(trial: FrozenTrial) -> str:
    return slurm("squeue", "--noheader", "--format=%N", f"--jobs={trial.user_attrs['worker']}").strip()


def state() -> Path:
    return Path(os.environ["STATE"])


def heal() -> None:
    """Starts the daemons that were killed."""
    subprocess.run([ROOT / "scripts/slurm_cluster.sh", "up"], check=True, capture_output=True)


def kill_daemon(name: str) -> None:
    kill(psutil.Process(int((state() / "pid" / name).read_text())))


def processes(wanted: Callable[[dict[str, str]], bool]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if wanted(process.environ()):
                found.append(process)
    return found


def of_job(job_id: str, environment: dict[str, str]) -> bool:
    array = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    return job_id in (array, environment.get("SLURM_JOB_ID"))


def kill_task(trial: FrozenTrial) -> None:
    members = processes(partial(of_job, trial.user_attrs["worker"]))
    python = [process for process in members if process.name().startswith("python")]
    (task,) = (process for process in python if process.parent() not in python)
    kill(task)


def lose_node(trial: FrozenTrial) -> None:
    """All of it at once: the daemon, the steps it manages, the tasks of these. Until SLURM gives it up and
    requeues its job, about its SlurmdTimeout later."""
    begun = time.monotonic()
    kill_daemon(f"slurmd.{LOST_NODE}")
    tasks = processes(lambda environment: environment.get("SLURMD_NODENAME") == LOST_NODE)
    for process in [parent for task in tasks if (parent := task.parent())] + tasks:
        if process.pid != 1:
            kill(process)
    wait_for(lambda: node_of(trial) != LOST_NODE)
    console.print(f"node lost: SLURM saw it after {time.monotonic() - begun:.0f} s", style="dim")


def scancel(trial: FrozenTrial) -> None:
    slurm("scancel", trial.user_attrs["worker"])


def requeue(trial: FrozenTrial) -> None:
    slurm("scontrol", "requeue", trial.user_attrs["worker"])


def hold(trial: FrozenTrial) -> None:
    """As SLURM does itself with a job that cannot be started again and again."""
    slurm("scontrol", "requeuehold", trial.user_attrs["worker"])


def terminate(trial: FrozenTrial) -> None:
    """As SLURM does with a job that it preempts, unless it is set to send the user's signal."""
    slurm("scancel", "--signal=TERM", trial.user_attrs["worker"])


def preempt(trial: FrozenTrial) -> None:
    """A job of the partition that comes first, which fits nowhere but in the worker's place. Until SLURM
    preempts the worker, which it decides when it likes."""
    begun, worker = time.monotonic(), trial.user_attrs["worker"]
    slurm(
        *("sbatch", "--partition=main", f"--nodelist={node_of(trial)}", "--gres=gpu:2", "--job-name=first"),
        *("--output=/dev/null", "--wrap=sleep 5"),
    )

    def preempted() -> bool:
        job = slurm("scontrol", "show", "job", worker)
        return "PreemptTime=None" not in job or "JobState=RUNNING" not in job

    wait_for(preempted)
    console.print(f"preempted: SLURM began after {time.monotonic() - begun:.1f} s", style="dim")


def wait_for_limit(sweep: ClusterSweep, trial: FrozenTrial) -> None:
    """Until its worker is to be told, if it was not told before: SLURM's clock for that is coarse."""
    attempt, left = attempt_of(trial), ("--format=%L", f"--jobs={trial.user_attrs['worker']}")

    def told() -> bool:
        minutes, _, seconds = slurm("squeue", "--noheader", *left).strip().rpartition(":")
        due = not minutes.isdigit() or 60 * int(minutes) + int(seconds) <= SIGNAL_S
        return due or attempt_of(sweep.trial(trial.number)) > attempt

    wait_for(told)
