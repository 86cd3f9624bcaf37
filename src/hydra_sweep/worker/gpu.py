"""A worker's GPU, as `nvidia-smi` reads it: a program apart, for a worker must not touch CUDA."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, STDOUT, Popen

# `nvidia-smi --help-query-gpu` and `--help-query-compute-apps`; only one query a call
OF_GPU = "--query-gpu=memory.total,memory.used,utilization.gpu"
OF_PROCESSES = "--query-compute-apps=pid,used_memory"
PATIENCE_S = 30.0


class Unreadable(Exception):
    """The message is why, for the user."""


@dataclass(frozen=True)
class Reading:
    """Memory in MiB; `utilization` is the percentage of the last second or so that something was computed
    in. `held` is what each process holds, by its id: in a container nvidia-smi tells the host's ids, or
    none."""

    total: int
    used: int
    utilization: int
    held: Mapping[int, int]

    @classmethod
    def parse(cls, of_gpu: str, of_processes: str) -> "Reading":
        """From what the two queries answer as csv. Raises Unreadable where it is not one GPU's."""
        lines = of_gpu.strip().splitlines()
        if len(lines) > 1 and all(map(_numbers, lines)):
            raise Unreadable(f"the worker sees {len(lines)} GPUs, and auto is for one")
        if len(lines) != 1 or len(numbers := _numbers(lines[0])) != 3:
            # of a GPU that is shared out (MIG) it knows no utilization: [N/A]
            raise Unreadable(f"nvidia-smi says: {of_gpu.strip() or 'nothing'}")
        # a line with something else, [N/A] or "No running processes", is of no use
        processes = filter(None, map(_numbers, of_processes.splitlines()))
        return cls(*numbers, dict(processes))


class NvidiaSmi:
    """Asks for readings of the one GPU that this process may use."""

    def __init__(self) -> None:
        """Raises Unreadable where it may use none, or several."""
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = None if chosen is None else [one for one in chosen.split(",") if one not in ("", "-1")]
        if gpus is not None and len(gpus) != 1:
            raise Unreadable(f"CUDA_VISIBLE_DEVICES={chosen}: expected one GPU")
        if not (program := shutil.which("nvidia-smi")):
            raise Unreadable("there is no nvidia-smi here")
        self.command = [program, "--format=csv,noheader,nounits", *(f"--id={gpu}" for gpu in gpus or ())]
        self.asked: list[Popen[str]] = []

    def ask(self) -> None:
        """Has no effect while an answer is still to come."""
        self.asked = self.asked or [
            Popen([*self.command, query], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True)
            for query in (OF_GPU, OF_PROCESSES)
        ]

    def answer(self, wait: float = 0.0) -> Reading | None:
        """What came of the last `ask`, once; None where it has not come within so many seconds. Raises
        Unreadable."""
        try:
            for process in self.asked:
                process.wait(wait)
        except subprocess.TimeoutExpired:
            return None
        said = [process.communicate()[0] for process in self.asked]
        self.asked = []
        return Reading.parse(*said) if said else None

    def read(self) -> Reading:
        self.ask()
        if reading := self.answer(PATIENCE_S):
            return reading
        raise Unreadable(f"nvidia-smi did not answer in {PATIENCE_S:g} s")


def _numbers(line: str) -> list[int]:
    """Those of a line of csv; none where anything else is in it."""
    try:
        return [int(number) for number in line.split(",")]
    except ValueError:
        return []
