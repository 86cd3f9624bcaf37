import os
from contextlib import suppress

import psutil


class Siblings:
    """The other tasks of this job on this node: the processes that the same parent had started when
    this was made. srun sees to those of other nodes (SLURM_KILL_BAD_EXIT); submitit, on this machine,
    has the others go on."""

    def __init__(self) -> None:
        self.processes: list[psutil.Process] = []
        with suppress(psutil.Error):
            self.processes = psutil.Process(os.getppid()).children()

    def one_ended(self) -> bool:
        return not all(map(_lives, self.processes))


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
