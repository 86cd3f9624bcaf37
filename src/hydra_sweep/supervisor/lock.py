"""One supervisor a sweep."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError

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
    path = folder / "supervisor.lock"
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
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M}")
    file.flush()
