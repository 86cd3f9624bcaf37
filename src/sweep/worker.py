"""A worker: one job of the launcher, which claims trials and runs each in a fork of its own."""

import logging
import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from optuna.samplers import GridSampler
from optuna.trial import FrozenTrial

from src.sweep import queue
from src.sweep.outcome import Outcome, of_error
from src.sweep.space import to_overrides
from src.sweep.trial import Sweep, run_forked

log = logging.getLogger(__name__)

POLL_S = 0.5
EXIT_GRACE_S = 10


@dataclass
class Running:
    """A trial in its process; `study` has the trial's own sampler."""

    study: optuna.Study
    claimed: FrozenTrial
    process: BaseProcess
    answer: Connection


class Worker:
    """The task function of a launcher's job: runs trials until the queue is empty or it is told to
    stop (SIGTERM). Returns how many it ran to their end."""

    def __init__(self, sweep: Sweep, example_overrides: list[str]) -> None:
        self.sweep = sweep
        self.example_overrides = example_overrides

    def __call__(self, cfg: DictConfig) -> int:
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        self.parent = os.getppid()
        self.job_id = str(HydraConfig.get().job.id)
        self.running: list[Running] = []
        share_threads(self.sweep)
        import_targets(cfg)
        self.composer = self.sweep.composer(self.example_overrides)
        self.storage = self.sweep.address.open_storage()
        self.study = self.sweep.address.load(self.storage)
        log.info("Worker %s: ready", self.job_id)
        done = 0
        while self._start() or self.running:
            done += sum(self._end(one) for one in self._ended())
            if self.stopping or os.getppid() != self.parent:
                self._put_back_all()
        return done

    def _stop(self, *_: Any) -> None:
        self.stopping = True

    def _start(self) -> bool:
        """Claims trials for the free slots. Whether any was started."""
        started = False
        while len(self.running) < self.sweep.settings.slots and not self.stopping:
            claimed = queue.claim(self.study, self.sweep.settings.n_trials)
            if claimed is None:
                break
            started |= self._start_trial(claimed)
        return started

    def _start_trial(self, claimed: FrozenTrial) -> bool:
        self.storage.set_trial_user_attr(claimed._trial_id, "worker", self.job_id)
        # A study of its own, for the sampler, and so that the sampler sees the newest trials.
        study = self.sweep.address.load(
            self.storage, sampler=make_sampler(self.sweep.settings.sampler, claimed.number)
        )
        try:
            overrides = propose(self.sweep, optuna.Trial(study, claimed._trial_id))
        except Exception as error:  # the user's sampler or custom_search_space
            queue.tell(study, claimed, of_error(error))
            return True
        fork = multiprocessing.get_context("fork")
        answer, question = fork.Pipe(duplex=False)
        process = fork.Process(
            target=run_forked,
            args=(self.sweep, self.composer, claimed, overrides, self.job_id, question),
        )
        process.start()
        question.close()
        self.running.append(Running(study, claimed, process, answer))
        log.info("Trial %d: %s", claimed.number, " ".join(overrides))
        return True

    def _ended(self) -> list[Running]:
        ready = wait([one.answer for one in self.running], POLL_S)
        return [one for one in self.running if one.answer in ready]

    def _end(self, one: Running) -> bool:
        """Tells how the trial ended, or puts it back where it was killed. Whether it was told."""
        try:
            outcome: Outcome | None = one.answer.recv()
        except EOFError:
            outcome = None
        one.process.join(EXIT_GRACE_S)
        one.process.kill()
        one.process.join()
        self.running.remove(one)
        if outcome is None:
            why = f"killed ({_exit(one.process.exitcode)})"
            self._put_back(one, why, self.sweep.settings.max_retries)
            return False
        told = queue.tell(one.study, one.claimed, outcome)
        log.info(
            "Trial %d: %s %s%s",
            one.claimed.number,
            outcome.state.name,
            outcome.values or outcome.reason,
            "" if told else ", thrown away: the trial was put back meanwhile",
        )
        return told

    def _put_back_all(self) -> None:
        self.stopping = True
        for one in list(self.running):
            one.process.kill()
            one.process.join()
            self.running.remove(one)
            self._put_back(one, "worker stopped", None)

    def _put_back(self, one: Running, why: str, max_retries: int | None) -> None:
        if queue.is_ours(self.study, one.claimed):
            state = queue.put_back(self.study, one.claimed, why, max_retries)
            log.warning("Trial %d: %s, now %s", one.claimed.number, why, state.name)


def propose(sweep: Sweep, trial: optuna.Trial) -> list[str]:
    """Has the sampler fill in the trial's parameters. The overrides they make."""
    for name, distribution in sweep.space.distributions.items():
        trial._suggest(name, distribution)
    if sweep.settings.custom_search_space:
        get_method(sweep.settings.custom_search_space)(sweep.config, trial)
    return to_overrides(trial.params)


def make_sampler(node: DictConfig, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for one trial: seeded alike in every worker, it would propose the same to all."""
    if is_grid(node):
        return optuna.samplers.RandomSampler()  # never asked: a grid's trials wait with parameters
    seed = {}
    if node.get("seed") is not None:
        seed = {"seed": int(np.random.SeedSequence([node.seed, number]).generate_state(1)[0])}
    with warnings.catch_warnings():
        # The nodes of hydra-optuna-sweeper name arguments that Optuna has since deprecated.
        warnings.simplefilter("ignore", FutureWarning)
        return instantiate(node, **seed)


def is_grid(node: DictConfig) -> bool:
    return node.get("_target_") == f"optuna.samplers.{GridSampler.__name__}"


def share_threads(sweep: Sweep) -> None:
    """Gives each slot its share of the CPU; must come before the libraries that read the variable."""
    cpus = int(os.environ.get("SLURM_CPUS_PER_TASK", 0)) or len(os.sched_getaffinity(0))
    threads = sweep.threads or max(1, cpus // sweep.settings.slots)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def import_targets(cfg: DictConfig) -> None:
    """Imports the module of every `_target_`, once for all the trials that will be forked."""
    for target in targets(OmegaConf.to_container(cfg)):
        with suppress(ImportError):  # a class in a class, say; the trial will say what is wrong
            import_module(target.rpartition(".")[0])


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` below a plain node."""
    if isinstance(node, dict):
        if isinstance(target := node.get("_target_"), str):
            yield target
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from targets(child)


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
