"""submitit's local jobs, as forks of a process that has imported what they need."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from submitit.core.plugins import get_executors
from submitit.core.submission import process_job
from submitit.core.utils import JobPaths
from submitit.local.local import Controller, LocalExecutor, LocalJob

from hydra_sweep.fork_server import ForkServer
from hydra_sweep.launcher.parts import unpickled

# how long submitit may take to start all tasks of a job, and to put its pickle in its place
START_S = 60.0
POLL_S = 0.005


class ForkingExecutor(LocalExecutor):
    """Its jobs are in all else as submitit's: their folder, pickles, logs, variables, signals and times."""

    def __init__(self, folder: Path, server: ForkServer) -> None:
        super().__init__(folder)
        self.server = server
        self._throttling = 0.0  # between interpreters that start

    def _submit_command(self, command: str) -> LocalJob:
        pid = self.server.fork(_control, self.folder, self.parameters)
        return LocalJob(self.folder, str(pid), tasks=range(self._num_tasks()))


def get_ready(overrides: Sequence[str], own: Sequence[str], pickled: bytes) -> None:
    """In the process that jobs are forks of: what each would begin with, in two thirds of its time."""
    get_executors()  # submitit looks through all that is installed for them, once a process
    of_jobs, _ = unpickled(pickled)
    of_jobs.hydra_context.config_loader.get_ready(of_jobs.config, list(overrides), list(own))
    of_jobs.task_function.get_ready()


class _ForkingController(Controller):
    """submitit's, whose tasks are forks of it."""

    def start_tasks(self) -> None:
        fork = multiprocessing.get_context("fork")
        all_started = fork.Event()
        for rank in range(self.ntasks):
            task = fork.Process(target=self._run_task, args=(rank, all_started))
            task.start()
            self.tasks.append(_Task(task))
        all_started.set()

    def _run_task(self, rank: int, all_started: Event) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the controller's passes it on
        deadline = time.monotonic() + START_S
        all_started.wait(START_S)  # for each to find the others
        number = str(rank)
        os.environ |= {
            "SUBMITIT_LOCAL_LOCALID": number,
            "SUBMITIT_LOCAL_GLOBALID": number,
            "SUBMITIT_LOCAL_JOB_ID": self.pid,
        }
        paths = JobPaths(self.folder, self.pid, rank)
        _print_to(paths.stdout, paths.stdout if self.stderr_to_stdout else paths.stderr)
        while not paths.submitted_pickle.exists() and time.monotonic() < deadline:
            time.sleep(POLL_S)  # submitit would wait a second
        process_job(self.folder)


def _print_to(stdout: Path, stderr: Path) -> None:
    for number, path in ((1, stdout), (2, stderr)):
        with path.open("a") as file:
            os.dup2(file.fileno(), number)
    sys.stdout.reconfigure(line_buffering=True)


class _Task:
    """What the controller asks of a process of the subprocess module."""

    def __init__(self, process: BaseProcess) -> None:
        self.process = process

    def poll(self) -> int | None:
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.process.pid, number)


def _control(ready: Callable[[], None], folder: Path, parameters: Mapping[str, Any]) -> None:
    """The life of a job's process: as `submitit.local.local.start_controller` starts it."""
    os.environ |= {
        "SUBMITIT_EXECUTOR": "local",
        "SUBMITIT_LOCAL_NTASKS": str(parameters.get("tasks_per_node", 1)),
        "SUBMITIT_LOCAL_COMMAND": "",
        "SUBMITIT_LOCAL_TIMEOUT_S": str(int(60 * parameters["timeout_min"])),
        "SUBMITIT_LOCAL_SIGNAL_DELAY_S": str(int(parameters.get("signal_delay_s", 30))),
        "SUBMITIT_LOCAL_NODEID": "0",
        "SUBMITIT_LOCAL_JOB_NUM_NODES": "1",
        "SUBMITIT_STDERR_TO_STDOUT": "1" if parameters.get("stderr_to_stdout") else "",
        "SUBMITIT_LOCAL_WITH_SHELL": "",
        "CUDA_VISIBLE_DEVICES": "",  # the worker's own come with its overrides
    }
    paths = JobPaths(folder, str(os.getpid()), 0)
    _print_to(paths.stdout, paths.stderr)  # by which it is known (LocalLauncher.look)
    ready()
    _ForkingController(folder).run()
