"""One supervisor a sweep."""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError

FILE = "supervisor.lock"
# of the time when one began
MINUTE = "%Y-%m-%d %H:%M"
WRITTEN = re.compile(r"process (\d+) on (\S+), since (.+)")
# of file systems that are mounted without locks
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def only_supervisor(folder: Path) -> Iterator[None]:
    """Keeps other supervisors off the sweep's folder, which it makes, while in the block.

    The kernel lets go of the lock however this process ends. Raises SweepError where another
    supervisor lives, and says where, or where the folder cannot be written. Leaves no folder behind
    that stays empty.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise SweepError(
            f"The sweep's folder cannot be written: {error.filename}: {error.strerror}. "
            "Set paths.log_dir or hydra.sweep.dir."
        ) from None
    with file:
        _take(file, folder)
        try:
            yield
        finally:
            if not any(other != path for other in folder.iterdir()):
                path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                for one in made:
                    one.rmdir()


@dataclass(frozen=True)
class Supervisor:
    """The last that a sweep had; `lives` is None where only its own host can tell."""

    said: str
    host: str
    lives: bool | None


def supervisor_of(folder: Path) -> Supervisor | None:
    """By what it has written, without asking for the lock: who asks might get it. None where there was
    none."""
    with suppress(OSError):
        said = (folder / FILE).read_text()
        if found := WRITTEN.fullmatch(said):
            pid, host, since = found.groups()
            began = datetime.strptime(since, MINUTE).timestamp() + 60
            lives = _lives(int(pid), began) if host == socket.gethostname() else None
            return Supervisor(said, host, lives)
    return None


def _lives(pid: int, began: float) -> bool:
    """Whether there is a process of that id that is not younger, so that it is no other by now."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.create_time() <= began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _take(file: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise SweepError(
            f"This sweep already has a supervisor: {file.read() or 'just starting'}. It must end "
            f"before another starts (Ctrl-C there, or kill it: the workers go on). Folder: {folder}"
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        say(f"The file system of {folder} has no locks: see to it that no second supervisor is started.")
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():{MINUTE}}")
    file.flush()
