"""A worker as its launcher starts it."""

import logging
import os
import sys
import traceback
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hydra_sweep.processes import die_with_parent
from hydra_sweep.space.compose import Composer
from hydra_sweep.space.targets import import_targets
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.follower import Follower
from hydra_sweep.worker.rank import Rank
from hydra_sweep.worker.siblings import Siblings
from hydra_sweep.worker.slots import make_slots
from hydra_sweep.worker.stop import JobTime, Stop
from hydra_sweep.worker.worker import Worker

log = logging.getLogger(__name__)


class WorkerTask:
    """The task function of a launcher's job: runs trials until the queue is empty, until it has run
    `trials_per_job`, until its time is over, or until it is told to stop.

    Returns whether the job is to be run again, with fresh time: trials wait, and no supervisor has told it
    to end.
    """

    def __init__(self, sweep: Sweep, example_overrides: list[str]) -> None:
        self.sweep = sweep
        self.example_overrides = example_overrides

    def __setstate__(self, state: dict[str, Any]) -> None:
        # In the job, before Hydra sets hydra.job.env_set for the libraries that are imported here.
        self.__dict__ |= {**state, "environ": dict(os.environ)}

    def get_ready(self) -> None:
        """In the process that jobs are forks of: what they would begin with."""
        _ = self.composer

    @cached_property
    def composer(self) -> Composer:
        sweep = self.sweep
        loader = sweep.hydra_context.config_loader
        return Composer(loader, sweep.config, sweep.space.fixed, self.example_overrides)

    def __call__(self, cfg: DictConfig) -> bool:
        rank = Rank.here()
        log_to(self.sweep.address.folder / "workers" / f"{HydraConfig.get().job.id}.log")
        try:
            return self._work(cfg, rank)
        except Exception:
            traceback.print_exc()  # Hydra keeps it for whoever asks for the job's return value: nobody
            if not rank.alone:
                os._exit(1)  # which srun, unlike Hydra's and submitit's way out, takes for bad
            raise

    def _work(self, cfg: DictConfig, rank: Rank) -> bool:
        siblings = None if rank.alone else Siblings()
        launcher = self.sweep.config.hydra.launcher
        time, stop = JobTime(launcher), Stop(launcher)
        # Else its trials would go on for a moment after the launcher's process has been found dead.
        die_with_parent()
        if not rank.alone:
            rank.announce()
        cpus = share_threads(self.sweep)
        import_targets(cfg)
        job = self._context(rank, siblings, stop, cpus)
        if rank.rank:
            Follower(job).run()
            return False
        log.info("Worker %s: ready", job.id)
        return Worker(job, time).run()

    def _context(self, rank: Rank, siblings: Siblings | None, stop: Stop, cpus: int) -> JobContext:
        sweep = self.sweep
        return JobContext(
            id=str(HydraConfig.get().job.id),
            rank=rank,
            siblings=siblings,
            stop=stop,
            sweep=sweep,
            composer=self.composer,
            study=sweep.address.load(),
            environ=self.environ,
            slots=make_slots(sweep.settings, cpus, rank.alone),
        )


def log_to(file: Path) -> None:
    logging.basicConfig(
        level=logging.INFO,
        format="[%(asctime)s][%(name)s][%(levelname)s] - %(message)s",
        handlers=[logging.StreamHandler(sys.stdout), logging.FileHandler(file)],
        force=True,  # of a fork: the supervisor's
    )


def share_threads(sweep: Sweep) -> int:
    """Gives each slot its share of the CPU, which is returned; must come before the libraries that read the
    variable."""
    cpus = int(os.environ.get("SLURM_CPUS_PER_TASK", 0)) or len(os.sched_getaffinity(0))
    threads = sweep.threads or max(1, cpus // sweep.settings.least_slots)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    return threads
