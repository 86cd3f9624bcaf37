"""Calls that need heavy imports, in a process of their own."""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from hydra.utils import get_method

from hydra_sweep.errors import SweepError
from hydra_sweep.study.secrets import masked

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1


def call_in_fork(functions: Sequence[str], *arguments: Callable[[], Any]) -> list[Any]:
    """Calls functions by their dotted paths, one after the other, in a fork, so that their imports stay out
    of here.

    The arguments are called there too: a study, say, is to be opened by the process that uses it.
    Returns what each function returns. Raises SweepError with the message of what the first raises that
    does, and where it is not one by itself, which function that was.
    """
    fork = multiprocessing.get_context("fork")
    answer, question = fork.Pipe(duplex=False)
    process = fork.Process(target=_call, args=(functions, arguments, question))
    process.start()
    question.close()
    try:
        result, error = answer.recv()
    except EOFError:
        process.join()
        result, error = None, f"{', '.join(functions)}: it ended with code {process.exitcode}"
    finally:
        process.kill()
        process.join()
    if error:
        raise SweepError(error)
    return result


def die_with_parent() -> None:
    """Has the kernel kill this process once its parent has ended (on Linux)."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)


def _call(functions: Sequence[str], arguments: tuple[Callable[[], Any], ...], answer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    die_with_parent()
    results = []
    for function in functions:
        try:
            results.append(get_method(function)(*(argument() for argument in arguments)))
        except Exception as error:
            log.debug("Traceback", exc_info=True)
            where = "" if isinstance(error, SweepError) else f"{function}: {type(error).__name__}: "
            answer.send((None, masked(f"{where}{error}")))
            return
    answer.send((results, None))
