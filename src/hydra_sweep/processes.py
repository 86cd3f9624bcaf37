"""What becomes of a process with others: with its parent, with its terminal."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Has the kernel kill this process once its parent has ended (on Linux)."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)


@contextmanager
def detached() -> Iterator[None]:
    """What is started in the block outlives the terminal: Ctrl-C and hang-up are for the process that the
    user started, which then tells them, and a pipe it prints to is to end with it. What is ignored or
    redirected here is so in what is started here."""
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
