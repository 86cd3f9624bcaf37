"""Calls that need heavy imports, in a process of their own."""

import logging
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from hydra.utils import get_method

from src.sweep.errors import SweepError
from src.sweep.secrets import masked

log = logging.getLogger(__name__)


def call_in_fork(function: str, *arguments: Callable[[], Any]) -> Any:
    """Calls a function by its dotted path in a fork, so that its imports stay out of here.

    The arguments are called there too: a study, say, is to be opened by the process that uses it.
    Returns what the function returns. Raises SweepError with the message of what it raises.
    """
    fork = multiprocessing.get_context("fork")
    answer, question = fork.Pipe(duplex=False)
    process = fork.Process(target=_call, args=(function, arguments, question))
    process.start()
    question.close()
    try:
        result, error = answer.recv()
    except EOFError:
        process.join()
        result, error = None, f"it ended with code {process.exitcode}"
    finally:
        process.kill()
        process.join()
    if error:
        raise SweepError(f"{function}: {error}")
    return result


def _call(function: str, arguments: tuple[Callable[[], Any], ...], answer: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    try:
        answer.send((get_method(function)(*(argument() for argument in arguments)), None))
    except Exception as error:
        log.debug("Traceback", exc_info=True)
        answer.send((None, masked(f"{type(error).__name__}: {error}")))
