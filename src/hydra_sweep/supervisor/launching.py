"""The configured launcher."""

import os
from dataclasses import replace
from typing import Any

from hydra.core.plugins import Plugins

from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer
from hydra_sweep.settings import AUTO
from hydra_sweep.space.compose import JobLoader
from hydra_sweep.sweep import Plan, Sweep


def make_launcher(sweep: Sweep, server: ForkServer) -> Any:
    """Raises SweepError where the configured launcher cannot serve a sweep."""
    context = replace(sweep.hydra_context, config_loader=JobLoader(sweep.hydra_context))
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=None, config=sweep.config
    )
    if not hasattr(launcher, "submit"):
        name = sweep.config.hydra.runtime.choices["hydra/launcher"]
        raise SweepError(
            f"hydra/launcher={name} waits for its jobs, but a sweep must watch them. Valid: local, slurm."
        )
    launcher.check_numbers()
    options = sweep.config.hydra.launcher
    if sweep.fidelity and (options.get("tasks_per_node") or 1) * (options.get("nodes") or 1) > 1:
        raise SweepError(
            "hydra.sweeper.fidelity is for trials of one task: expected nodes and tasks_per_node of "
            "hydra.launcher to be 1. Leave it out, or have one task use several GPUs."
        )
    if launcher.jobs_share_machine and sweep.settings.trials_per_job and not sweep.settings.wait:
        raise SweepError(
            "hydra.sweeper.wait=false with trials_per_job: nobody would start the next worker here. "
            "Leave one of them out, or use a launcher that queues: hydra/launcher=slurm."
        )
    if launcher.jobs_share_machine:
        launcher.fork_server = server
    return launcher


def threads_each(sweep: Sweep) -> int:
    """Each trial's share of this machine's CPUs: two that use all of them slow each other badly."""
    tasks = sweep.config.hydra.launcher.get("tasks_per_node") or 1
    side_by_side = sweep.settings.n_jobs * sweep.settings.least_slots * tasks
    return max(1, len(os.sched_getaffinity(0)) // side_by_side)


def share_of(sweep: Sweep, launcher: Any) -> tuple[float, str]:
    """How many GPUs each trial takes, or CPUs where its worker has none, or none that is known of."""
    options, slots = sweep.config.hydra.launcher, sweep.settings.least_slots
    nodes = options.get("nodes") or 1
    if gpus := launcher.gpus_per_job():
        return nodes * gpus / slots, "GPU"
    tasks = options.get("tasks_per_node") or 1
    if launcher.jobs_share_machine:
        return tasks * threads_each(sweep), "CPU"
    return nodes * tasks * (options.get("cpus_per_task") or 1) / slots, "CPU"


def of_hours(sweep: Sweep) -> str | None:
    """A line for the user: what `hydra.sweeper.stop.gpu_hours` counts here."""
    if "gpu_hours" not in sweep.settings.stop:
        return None
    share, unit = sweep.share
    return f"hydra.sweeper.stop.gpu_hours counts {share:.3g} {unit} a trial."


def of_auto_slots(plan: Plan) -> str | None:
    """A line for the user, where it is known that no worker has a GPU of its own to read."""
    if plan.settings.slots != AUTO or plan.gpus == 1 or not (plan.on_this_machine or plan.gpus):
        return None
    return f"hydra.sweeper.slots={AUTO} is 1 here: it is for workers of one NVIDIA GPU each."
