import os
from contextlib import suppress

import psutil


class Siblings:
    """The other tasks of this job on this node: the processes that the same parent had started when
    this was made. srun sees to those of other nodes (SLURM_KILL_BAD_EXIT); submitit, on this machine,
    has the others go on, and one may have ended even before this was made."""

    def __init__(self) -> None:
        self.processes: list[psutil.Process] = []
        # of submitit's own jobs alone, whose tasks are all started before the first of them gets here
        self.n_tasks = int(os.environ.get("SUBMITIT_LOCAL_NTASKS", 0))
        with suppress(psutil.Error):
            self.processes = psutil.Process(os.getppid()).children()

    def one_ended(self) -> bool:
        return len(self.processes) < self.n_tasks or not all(map(_lives, self.processes))


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
