"""The configured launcher, with a worker as the task of its jobs."""

import os
from dataclasses import replace
from typing import Any

from hydra.core.plugins import Plugins

from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer
from hydra_sweep.settings import AUTO
from hydra_sweep.sweep import Plan, Sweep
from hydra_sweep.worker.job import WorkerTask


def make_launcher(sweep: Sweep, example_overrides: list[str], server: ForkServer) -> Any:
    """Raises SweepError where the configured launcher cannot serve a sweep."""
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=sweep.hydra_context, task_function=None, config=sweep.config
    )
    if not hasattr(launcher, "submit"):
        name = sweep.config.hydra.runtime.choices["hydra/launcher"]
        raise SweepError(
            f"hydra/launcher={name} waits for its jobs, but a sweep must watch them. Valid: local, slurm."
        )
    launcher.check_numbers()
    if launcher.jobs_share_machine and sweep.settings.trials_per_job and not sweep.settings.wait:
        raise SweepError(
            "hydra.sweeper.wait=false with trials_per_job: nobody would start the next worker here. "
            "Leave one of them out, or use a launcher that queues: hydra/launcher=slurm."
        )
    if launcher.jobs_share_machine:
        sweep = replace(sweep, threads=threads_each(sweep))
        launcher.fork_server = server
    launcher.task_function = WorkerTask(sweep, example_overrides)
    return launcher


def threads_each(sweep: Sweep) -> int:
    """Each trial's share of this machine's CPUs: two that use all of them slow each other badly."""
    tasks = sweep.config.hydra.launcher.get("tasks_per_node") or 1
    side_by_side = sweep.settings.n_jobs * sweep.settings.least_slots * tasks
    return max(1, len(os.sched_getaffinity(0)) // side_by_side)


def of_auto_slots(plan: Plan) -> str | None:
    """A line for the user, where it is known that no worker has a GPU of its own to read."""
    if plan.settings.slots != AUTO or plan.gpus == 1 or not (plan.on_this_machine or plan.gpus):
        return None
    return f"hydra.sweeper.slots={AUTO} is 1 here: it is for workers of one NVIDIA GPU each."


def worker_overrides(sweep: Sweep, example_overrides: list[str]) -> list[str]:
    """Of the job that a worker is: a configuration of the sweep's, with its log among the workers'."""
    return [
        *sweep.space.fixed,
        *example_overrides,
        "hydra.sweep.subdir=workers",
        "hydra.output_subdir=null",
        "hydra.job.chdir=false",  # its trials begin where the command was given, as plain jobs do
        # what jobs log, and how, is for its trials: it sees to its own log
        "++hydra.job_logging.root=null",
        "hydra.verbose=false",
    ]
