"""What becomes of a process with others: with its parent, with its terminal."""

import ctypes
import gc
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from multiprocessing.pool import ExceptionWithTraceback
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1


def fork(function: Callable[..., None], *arguments: Any) -> int:
    """The id of a new process that does that, and nothing else."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    gc.enable()  # which is off while a sweep is checked, and some of these live as long as it does
    code = 1
    try:
        function(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def in_fork(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a fork of this process, which then ends.

    Raises what it raises, RuntimeError where pickle cannot make that again; ChildProcessError where the
    fork was killed.
    """
    ours, theirs = Pipe(duplex=False)
    pid = fork(_answer, theirs, function, *arguments)
    theirs.close()
    try:
        returned, raised = ours.recv()
    except EOFError:
        raise ChildProcessError(f"{function.__qualname__}: its process ended without an answer") from None
    finally:
        ours.close()
        os.waitpid(pid, 0)
    if raised:
        raise raised
    return returned


def _answer(connection: Connection, function: Callable[..., Any], *arguments: Any) -> None:
    die_with_parent()
    try:
        answer = function(*arguments), None
    except Exception as error:
        answer = None, _that_travels(error)
    connection.send(answer)


def _that_travels(error: Exception) -> Any:
    """What is read at the other end of a pipe as the error, with its traceback for a cause."""
    travels = ExceptionWithTraceback(error, error.__traceback__)
    try:
        pickle.loads(pickle.dumps(travels))
    except Exception:  # of the user's class
        return RuntimeError("".join(traceback.format_exception(error)))
    return travels


class Companion:
    """A fork that is spoken to by `connection`, and ends with the process that made it."""

    pid = 0
    connection: Connection

    def begin(self, function: Callable[..., None], *arguments: Any) -> None:
        """Has it call the function with its end of the connection, then the arguments."""
        self.connection, theirs = Pipe()
        self.pid = fork(function, theirs, *arguments)
        theirs.close()

    def stop(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.connection.close()
            self.pid = 0


def close_all_but(connection: Connection) -> None:
    """Lets go of the files that a fork has open because its parent has, but for the standard ones."""
    os.closerange(3, connection.fileno())
    os.closerange(connection.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def die_with_parent(parent: int | None = None) -> None:
    """Has the kernel kill this process once its parent has ended (on Linux). Where the parent's id is known
    and it has ended already, this process ends now."""
    parent = parent or os.getppid()
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


@contextmanager
def interrupts_kept() -> Iterator[Callable[[], None]]:
    """Ctrl-C raises KeyboardInterrupt, as ever; where that came to nothing, the function raises it again:
    Python ignores it in finalizers and weak references' callbacks, and a database's driver may make another
    error of it."""
    usual, told = signal.getsignal(signal.SIGINT), []

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)
        usual(number, frame)

    def check() -> None:
        if told:
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(usual):  # it does not come here, or is ignored
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, usual)
