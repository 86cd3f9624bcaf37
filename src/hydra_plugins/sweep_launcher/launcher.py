import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher


class LocalLauncher(BaseSubmititLauncher, Launcher):
    """`hydra/launcher=local`: submitit jobs that are processes of this machine.

    Like any launcher it runs jobs and waits for them (`launch`). A sweep's supervisor starts jobs
    without waiting (`submit`), asks which live (`alive`) and ends them (`cancel`), by job ids that
    are as good in a later supervisor. GPUs, where there are several, are dealt out one a job.
    """

    _EXECUTOR = "local"
    # whether the jobs share this machine's CPUs, rather than having their own by the cluster
    jobs_share_machine = True

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        jobs = self._submit(job_overrides, initial_job_idx)
        try:
            return [job.results()[0] for job in jobs]
        except BaseException:
            self.cancel([job.job_id for job in jobs])
            raise

    def submit(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[str]:
        """Starts the jobs and returns their ids at once."""
        return [job.job_id for job in self._submit(job_overrides, initial_job_idx)]

    def gpus_per_job(self) -> int | None:
        """How many GPUs each job will see; None where that is not known (not NVIDIA's)."""
        others = sys.platform == "darwin" or Path("/dev/kfd").exists()
        return None if others else min(1, len(visible_gpus()))

    def alive(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that are not known to have ended."""
        return {job_id for job_id in job_ids if self._process(job_id)}

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        """Asks the jobs to end (SIGTERM); with `force` kills them and all that they started."""
        for process in filter(None, map(self._process, job_ids)):
            family = [*process.children(recursive=True), process] if force else [process]
            for member in family:
                _signal(member, signal.SIGKILL if force else signal.SIGTERM)

    def _submit(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        import submitit

        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        params = dict(self.params)
        executor = submitit.AutoExecutor(folder=params.pop("submitit_folder"), cluster=self._EXECUTOR)
        executor.update_parameters(**params)
        calls = [
            (
                [*overrides, *_gpu_overrides(index)],
                "hydra.sweep.dir",
                index,
                f"job_id_for_{index}",
                Singleton.get_state(),
            )
            for index, overrides in enumerate(job_overrides, start=initial_job_idx)
        ]
        with _detached():
            return executor.map_array(self, *zip(*calls, strict=True))

    def _process(self, job_id: str) -> Any:
        """The job's process, or None where it has ended (or the id is another process's by now)."""
        import psutil

        folder = str(Path(self.params["submitit_folder"]).expanduser().absolute())
        try:
            process = psutil.Process(int(job_id))
            command = process.cmdline()
            # It is empty for a moment while the process starts.
            return process if folder in command or not command else None
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            return None


def _gpu_overrides(index: int) -> list[str]:
    gpus = visible_gpus()
    return [f"++hydra.job.env_set.CUDA_VISIBLE_DEVICES='{gpus[index % len(gpus)]}'"] if gpus else []


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


@contextmanager
def _detached() -> Iterator[None]:
    """Jobs outlive the terminal: Ctrl-C and hang-up are for the process that the user started, which
    then tells them, and a pipe it prints to is to end with it. What is ignored or redirected here is so
    in what is started here."""
    old = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    sys.stdout.flush()
    streams = [os.dup(number) for number in range(3)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for number in range(3):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.close(nowhere)
        for number, handler in old.items():
            signal.signal(number, handler)


def _signal(process: Any, number: signal.Signals) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
