"""A trial, seen from inside: a fork of a worker that runs the task as a plain Hydra job."""

import atexit
import copy
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hydra.core.utils import JobStatus, configure_log
from omegaconf import DictConfig, OmegaConf, read_write
from optuna.trial import TrialState

from hydra_sweep.hydra_job import rehearse, run_hydra_job
from hydra_sweep.processes import die_with_parent
from hydra_sweep.pruners import make_pruner
from hydra_sweep.space.compose import as_job, in_force
from hydra_sweep.study.current import set_current_trial
from hydra_sweep.study.inherited import inherited
from hydra_sweep.study.live_trial import LiveTrial, SilentTrial
from hydra_sweep.study.outcome import Outcome, of_error, of_return
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.trial_folder import claim_folder
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.fidelity import pruner_between, run_each
from hydra_sweep.worker.rank import join_rendezvous
from hydra_sweep.worker.repeats import for_repeat

CONSOLE = "logging.StreamHandler"


@dataclass
class Assignment:
    """Which trial a process is to run, and how; `slots` is how many its worker has by now."""

    number: int
    trial_id: int
    overrides: list[str]
    slots: int
    rendezvous: dict[str, Any] | None = None
    repeat: int | None = None


def run_forked(job: JobContext, entry: Connection, answer: Connection, is_early: bool) -> None:
    """The life of a forked child: receives its Assignment, runs the trial, once it is let in, and sends its
    Outcome, or nothing where it was told to stop (SIGTERM). Does not return.

    Where it is forked early, before there is a trial for it, it has the time to rehearse.
    """
    _be_a_trial(job)
    if is_early:
        with suppress(Exception):  # which the trial's own would meet, and tell
            _rehearse(job)
    outcome = _outcome(job, entry.recv(), cache(entry.recv_bytes))
    atexit._run_exitfuncs()  # of the trial itself, such as the end of a logger's run
    sys.stdout.flush()
    sys.stderr.flush()
    if outcome:
        answer.send(outcome)
    os._exit(0)  # the worker's threads are not this process's business


def _be_a_trial(job: JobContext) -> None:
    """Makes a fork of the worker a process of its own."""
    atexit._clear()  # what the worker does at its end
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Lightning then sets its own
    # SLURM sends it to all processes of the job; a trial hears of it from its worker.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    die_with_parent(multiprocessing.parent_process().pid)
    # It is no job of SLURM's: Lightning would take it for one, which it would requeue, or hint at srun.
    os.environ.pop("SLURM_NTASKS", None)
    warnings.filterwarnings("ignore", "The `srun` command is available")
    _draw_anew()


def _rehearse(job: JobContext) -> None:
    """Does once, for nothing, what a trial begins with: most of the time that this takes is the kernel's,
    which copies the worker's memory where a fork first touches it. No interpolation is resolved, for a
    resolver may count how often it is asked."""
    if job.composer.sets_values:
        rehearse(job.composer.in_place(job.composer.example_overrides))


def _outcome(job: JobContext, assigned: Assignment, enter: Callable[[], Any]) -> Outcome | None:
    job.slots.limit = assigned.slots
    job.slots.share_threads()
    kind = SilentTrial if assigned.repeat or job.sweep.fidelity else LiveTrial
    set_current_trial(lambda: _live_trial(job, assigned, kind))
    if assigned.rendezvous:
        join_rendezvous(assigned.rendezvous)

    def run(others: list[str], subfolder: str) -> Outcome:
        return _run(job, _configuration(job, assigned, others, subfolder), enter)

    try:
        config = _configuration(job, assigned)
        if fidelity := job.sweep.fidelity:
            trial = _live_trial(job, assigned)
            trial.study.pruner = pruner_between(job.sweep.settings)
            return run_each(fidelity, trial, Path(config.hydra.runtime.output_dir), run)
        return _run(job, config, enter)
    except (Exception, SystemExit) as error:  # a configuration that does not compose, a task that exits
        return None if _was_stopped(error) else of_error(error)


def _configuration(
    job: JobContext, assigned: Assignment, others: Iterable[str] = (), subfolder: str = ""
) -> DictConfig:
    config = as_job(job.composer.in_place([*assigned.overrides, *others]), assigned.number, job.id)
    sweep = job.sweep.address.folder
    folder = claim_folder(sweep, assigned.number, Path(config.hydra.runtime.output_dir)) / subfolder
    with read_write(config.hydra):
        config.hydra.sweep.subdir = os.path.relpath(folder, sweep)
        config.hydra.runtime.output_dir = str(folder)
        if rank := job.rank.rank:
            config.hydra.job.name = f"{config.hydra.job.name}.rank{rank}"
            config.hydra.output_subdir = None
    if assigned.repeat:
        for_repeat(config, job.sweep.settings.repeats["key"], assigned.repeat)
    return in_force(config)


def _unset(env_set: Iterable[str], environ: Mapping[str, str]) -> None:
    """Takes back what the worker has of a job's variables: Hydra sets the trial's own, for its task."""
    for name in env_set:
        os.environ.pop(name, None)
        if name in environ:
            os.environ[name] = environ[name]


def _draw_anew() -> None:
    """A task that sets no seed means other numbers each time: forks of one process would all draw the same.
    Python's own generator sees to that by itself."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _run(job: JobContext, config: DictConfig, enter: Callable[[], Any]) -> Outcome:
    """The outcome; where another rank tells the result, what this one returns is of no interest."""
    sweep = job.sweep
    _unset(config.hydra.job.env_set, job.environ)
    _redirect_output(config)
    logging.getLogger().handlers.clear()  # the worker's
    configure_log(config.hydra.hydra_logging, config.hydra.verbose)  # as Hydra's own launcher does

    @wraps(sweep.task_function)
    def task_function(cfg: DictConfig) -> Any:
        enter()
        return sweep.task_function(cfg)

    done = run_hydra_job(task_function, config, sweep.callbacks)
    # _return_value: the property would raise the error again, and write to stderr
    if done.status == JobStatus.FAILED:
        outcome = of_error(done._return_value)
        level = logging.ERROR if outcome.is_error else logging.INFO
        logging.getLogger(__name__).log(level, outcome.traceback or outcome.reason)
        return outcome
    if job.rank.rank:
        return Outcome(TrialState.COMPLETE)
    return of_return(done._return_value, len(sweep.settings.directions))


def _live_trial(job: JobContext, assigned: Assignment, kind: type[LiveTrial] = LiveTrial) -> LiveTrial:
    study = copy.copy(job.study)
    study._storage = inherited(job.storage) or job.sweep.address.open_storage()
    study.pruner = make_pruner(job.sweep.settings.pruner)
    live = patiently(kind, study, assigned.trial_id)
    live.repeat = assigned.repeat
    return live


def _redirect_output(config: DictConfig) -> None:
    """Sends all that the trial prints, crashes included, to its log file: the one that Hydra is to log to,
    if it is, where no line is to be twice."""
    names = OmegaConf.select(config, "hydra.job_logging.root.handlers") or []
    handlers = {name: OmegaConf.select(config, f"hydra.job_logging.handlers.{name}") for name in names}
    files = [handler.filename for handler in handlers.values() if handler and handler.get("filename")]
    folder = Path(config.hydra.runtime.output_dir)
    file = Path(files[0]) if files else folder / f"{config.hydra.job.name}.log"
    if config.hydra.job.chdir:
        file = folder / file
    file.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.stdout.reconfigure(line_buffering=True)  # in order with what is logged
    if files:
        with read_write(config.hydra):
            config.hydra.job_logging.root.handlers = [
                name for name, handler in handlers.items() if handler.get("class") != CONSOLE
            ]


def _was_stopped(error: BaseException) -> bool:
    # By name: lightning.pytorch.utilities.exceptions is not to be imported here.
    return type(error).__name__ == "SIGTERMException"
