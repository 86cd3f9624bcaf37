import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn

from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer
from hydra_sweep.launcher.base import WatchedLauncher
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.processes import die_with_parent

STARTING_S = 10.0


class LocalLauncher(WatchedLauncher):
    """`hydra/launcher=local`: submitit jobs that are processes of this machine.

    GPUs, where there are several, are dealt out one a task. With a `fork_server` jobs are forks of it, and
    else, or where `setup` has lines for a shell, interpreters of their own.
    """

    _EXECUTOR = "local"
    jobs_share_machine = True
    fork_server: ForkServer | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Of a job, which is to have nothing of the process that forks it: least of all the number of its
        connection, which is closed with what has it."""
        return {**self.__dict__, "fork_server": None}

    def __call__(self, *args: Any) -> JobReturn:
        """In the job: runs it, until its process, submitit's, whose child this is, is killed: nobody would
        know of what runs here."""
        die_with_parent(int(os.environ["SUBMITIT_LOCAL_JOB_ID"]))
        return super().__call__(*args)

    def gpus_per_job(self) -> int | None:
        others = sys.platform == "darwin" or Path("/dev/kfd").exists()  # not NVIDIA's
        return None if others else min(self._tasks(), len(visible_gpus()))

    def look(self, job_ids: Sequence[str]) -> dict[str, Job]:
        return {
            job_id: Job(JobState.RUNNING if self._process(job_id) else JobState.ENDED) for job_id in job_ids
        }

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        for process in filter(None, map(self._process, job_ids)):
            family = [*process.children(recursive=True), process] if force else [process]
            for member in family:
                _signal(member, signal.SIGKILL if force else signal.SIGTERM)

    def _executor(self) -> Any:
        executor = super()._executor()
        if not self._forks():
            return executor
        from hydra_sweep.launcher.forked_job import ForkingExecutor

        forking = ForkingExecutor(executor.folder, self.fork_server)
        forking.update_parameters(**executor._executor.parameters)
        return forking

    def _forks(self) -> bool:
        return bool(self.fork_server) and not self.params.get("setup")

    def _foresee(self, overrides: Sequence[str], own: Sequence[str], pickled: bytes) -> None:
        if not self._forks():
            return
        from hydra_sweep.launcher.forked_job import get_ready

        # Variables are to be the job's own, and callbacks may hold what no two processes may share.
        if not self.config.hydra.job.env_copy and not self.hydra_context.callbacks.callbacks:
            with suppress(SweepError):  # jobs can do without
                self.fork_server.do(get_ready, overrides, own, pickled)

    def _own_overrides(self, place: int) -> list[str]:
        if not (gpus := visible_gpus()):
            return []
        first, share = place * self._tasks(), min(self._tasks(), len(gpus))
        own = ",".join(gpus[(first + i) % len(gpus)] for i in range(share))
        return [f"++hydra.job.env_set.CUDA_VISIBLE_DEVICES='{own}'"]

    def _tasks(self) -> int:
        return self.params.get("tasks_per_node") or 1

    def _process(self, job_id: str) -> Any:
        """The job's process, or None where it has ended (or the id is another process's by now)."""
        import psutil

        folder = str(Path(self.params["submitit_folder"]).expanduser().absolute())
        try:
            process = psutil.Process(int(job_id))
            command = process.cmdline()
            # It is empty for a moment while the process starts, and always of the kernel's own.
            starting = not command and time.time() - process.create_time() < STARTING_S
            return process if folder in command or starting or _logs_to(process.pid, folder) else None
        except (ValueError, OSError, psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            return None  # ValueError: the id of another launcher's job


def visible_gpus() -> list[str]:
    """The GPUs of this machine that the user lets us see, without touching CUDA."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in chosen.split(",") if gpu not in ("", "-1")]
    import shutil
    import subprocess

    if not (nvidia_smi := shutil.which("nvidia-smi")):
        return []
    query = [nvidia_smi, "--query-gpu=index", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, timeout=60).stdout.split()


def _logs_to(pid: int, folder: str) -> bool:
    """Of a fork, which has the command of what it was forked from: whether it prints into the folder."""
    return os.readlink(f"/proc/{pid}/fd/1").startswith(f"{os.path.realpath(folder)}/")


def _signal(process: Any, number: signal.Signals) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
