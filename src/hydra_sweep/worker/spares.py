"""Processes that are ready before there is a trial for them."""

from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.process import TrialProcess


class Spares:
    """To fork a worker, and to touch its memory for the first time, takes longer than all else that is
    between two trials: where time is left for it, it is done beforehand."""

    def __init__(self, job: JobContext) -> None:
        self.job = job
        self.waiting: list[TrialProcess] = []

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self) -> bool:
        """False where the system allows no other process, which is no harm to those that there are."""
        try:
            self.waiting.append(TrialProcess.fork(self.job, is_early=True))
        except OSError:
            return False
        return True

    def take(self) -> TrialProcess:
        """One that was ready, or else one that is forked now."""
        while self.waiting:
            if (process := self.waiting.pop(0)).process.is_alive():
                return process
        return TrialProcess.fork(self.job)

    def drop(self) -> None:
        for process in self.waiting:
            process.kill()
        while self.waiting:
            self.waiting.pop().outcome()
