"""Processes that tests look for and kill. Any of them may be gone by then: what one forked dies with it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it; none where it has ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def working_in(folder: Path) -> list[psutil.Process]:
    """Supervisor, helpers, workers and trials of a folder."""
    places = {process: process.info["cwd"] for process in psutil.process_iter(["cwd"])}
    return [process for process, place in places.items() if place and Path(place).is_relative_to(folder)]


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills each that there still is, at once."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
