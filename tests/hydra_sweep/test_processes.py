import gc
import os
import signal
import threading
from pathlib import Path

import pytest

from hydra_sweep.processes import in_fork, interrupts_kept


class TakesTwo(Exception):
    """Which pickle cannot make again."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one}, {other}")


def children() -> str:
    """Their ids, those that have ended and were not waited for among them; another test may have some."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()


def fail(error: Exception) -> None:
    raise error


def test_a_fork_answers_with_what_was_returned():
    pid, doubled = in_fork(lambda x: (os.getpid(), 2 * x), 4)
    assert pid != os.getpid()
    assert doubled == 8


def test_garbage_is_collected_in_a_fork_of_who_collects_none():
    gc.disable()
    try:
        assert in_fork(gc.isenabled)
    finally:
        gc.enable()


def test_what_is_raised_in_a_fork_is_raised_with_where_it_was():
    with pytest.raises(ValueError, match="wrong") as caught:
        in_fork(fail, ValueError("wrong"))
    assert "in fail" in str(caught.value.__cause__)


def test_a_fork_that_is_killed_is_told():
    with pytest.raises(ChildProcessError, match="ended without an answer"):
        in_fork(lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize("error", [TakesTwo(1, 2), ValueError(threading.Lock())], ids=["read", "written"])
def test_an_error_that_pickle_does_not_know_is_told_with_its_traceback(error):
    with pytest.raises(RuntimeError, match=rf"(?s)in fail.*{type(error).__name__}: "):
        in_fork(fail, error)


def test_nothing_is_left_of_a_fork():
    before = os.listdir("/proc/self/fd"), children()
    in_fork(int)
    assert (os.listdir("/proc/self/fd"), children()) == before


class Interrupted:
    """Ctrl-C comes while it is finalized, where Python ignores it."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_finalizer_swallows_is_kept():
    with interrupts_kept() as check:
        check()
        Interrupted()
        with pytest.raises(KeyboardInterrupt):
            check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
