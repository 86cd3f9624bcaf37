"""A trial, seen from inside: a fork of a worker that runs the task as a plain Hydra job."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobStatus, run_job
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.trial import TrialState

from src.sweep.compose import Composer
from src.sweep.outcome import Outcome, of_error, of_return
from src.sweep.own_process import die_with_parent
from src.sweep.ranks import Rank, join_rendezvous
from src.sweep.settings import Settings
from src.sweep.space import SearchSpace
from src.sweep.storage import StudyAddress

_open_trial: Callable[[], optuna.Trial] | None = None


@dataclass(frozen=True)
class Sweep:
    """All that a worker and its trials need to know; travels in the launcher's pickle."""

    address: StudyAddress
    settings: Settings
    space: SearchSpace
    config: DictConfig
    task_function: TaskFunction
    hydra_context: HydraContext
    # CPU threads a trial; None: what the cluster gave the job, divided among its slots
    threads: int | None = None

    def composer(self, example_overrides: list[str]) -> Composer:
        loader = self.hydra_context.config_loader
        return Composer(loader, self.config, self.space.fixed, example_overrides)


def current_trial() -> optuna.Trial | None:
    """The trial that this process runs, to report to and to ask `should_prune`; None outside a sweep."""
    return _open_trial() if _open_trial else None


def run_forked(
    sweep: Sweep,
    composer: Composer,
    trial: optuna.trial.FrozenTrial,
    overrides: list[str],
    job_id: str,
    answer: Connection,
    rank: Rank,
    rendezvous: dict[str, Any] | None,
) -> None:
    """The life of a forked child: runs the trial and sends its Outcome, or nothing where it was told
    to stop (SIGTERM). Does not return."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Lightning then sets its own
    # SLURM sends it to all processes of the job; a trial hears of it from its worker.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    die_with_parent()
    global _open_trial
    _open_trial = cache(lambda: _live_trial(sweep, trial))
    if rendezvous:
        join_rendezvous(rendezvous)
    try:
        config = composer.in_place(overrides)
        with open_dict(config.hydra.job) as job:
            job.id, job.num = job_id, trial.number
            if rank.rank:
                job.name = f"{job.name}.rank{rank.rank}"
                config.hydra.output_subdir = None
        outcome = _run(sweep, config, tells=rank.rank == 0)
    except (Exception, SystemExit) as error:  # a configuration that does not compose, a task that exits
        outcome = None if _was_stopped(error) else of_error(error)
    sys.stdout.flush()
    sys.stderr.flush()
    if outcome:
        answer.send(outcome)
    # The worker's atexit functions and threads are not this process's business.
    os._exit(0)


def _run(sweep: Sweep, config: DictConfig, tells: bool) -> Outcome:
    """The outcome; where another rank tells the result, what this one returns is of no interest."""
    _redirect_output(config)
    job = run_job(
        task_function=sweep.task_function,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        hydra_context=sweep.hydra_context,
    )
    # _return_value: the property would raise the error again, and write to stderr
    if job.status == JobStatus.FAILED:
        outcome = of_error(job._return_value)
        logging.getLogger(__name__).error(outcome.traceback or outcome.reason)
        return outcome
    if not tells:
        return Outcome(TrialState.COMPLETE)
    return of_return(job._return_value, len(sweep.settings.directions))


def _live_trial(sweep: Sweep, trial: optuna.trial.FrozenTrial) -> optuna.Trial:
    study = sweep.address.load(pruner=instantiate(sweep.settings.pruner))
    return optuna.Trial(study, trial._trial_id)


def _redirect_output(config: DictConfig) -> None:
    """Sends all that the trial prints, crashes included, to its log file."""
    handlers = OmegaConf.select(config, "hydra.job_logging.root.handlers")
    folder = Path(config.hydra.sweep.dir) / str(OmegaConf.select(config, "hydra.sweep.subdir"))
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / f"{config.hydra.job.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    if handlers and "console" in handlers and "file" in handlers:
        handlers.remove("file")  # the console is that file


def _was_stopped(error: BaseException) -> bool:
    # By name: lightning.pytorch.utilities.exceptions is not to be imported here.
    return type(error).__name__ == "SIGTERMException"
