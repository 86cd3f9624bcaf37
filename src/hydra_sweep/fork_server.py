"""A process that imports, once, what trials on this machine need, and is forked for all that needs it: what
a sweep has done before and after its trials, and its local workers."""

import gc
import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
from hydra.utils import get_method

from hydra_sweep.errors import SweepError
from hydra_sweep.processes import Companion, close_all_but, detached, die_with_parent, fork
from hydra_sweep.study.secrets import masked

log = logging.getLogger(__name__)

REAP_S = 0.5


class ForkServer(Companion):
    """`preload` imports; it is called in the server, which starts with the first request, or before by
    `start`. The server ends with the process that made it; what it forked goes on."""

    def __init__(self, preload: Callable[[], None]) -> None:
        self.preload = preload

    def start(self) -> None:
        self.begin(_serve, self.preload)

    def call(self, functions: Sequence[str], *arguments: Callable[[], Any]) -> list[Any]:
        """Calls functions by their dotted paths, one after the other, in a fork.

        The arguments are called there too: a study, say, is to be opened by the process that uses it.
        Returns what each function returns. Raises SweepError with the message of what the first raises
        that does, and where it is not one by itself, which function that was.
        """
        result, error = self._ask(_call, functions, arguments)
        if error:
            raise SweepError(error)
        return result

    def fork(self, function: Callable[..., None], *arguments: Any) -> int:
        """Has a process of its own do that, which outlives this one and its terminal. Its id, once it calls
        what it gets as its first argument."""
        return self._ask(_let_go, function, arguments)

    def do(self, function: Callable[..., None], *arguments: Any) -> None:
        """Has the server do that itself, for what it forks later, to which errors are left."""
        self._ask(_do, function, arguments)

    def _ask(self, *request: Any) -> Any:
        message = cloudpickle.dumps(request)
        for _ in range(2):  # once more where it was killed meanwhile
            if not self.pid:
                self.start()
            try:
                self.connection.send_bytes(message)
                return self.connection.recv()
            except (EOFError, OSError):
                self.stop()
        raise SweepError("The process that forks workers was killed, twice. The same command goes on.")


def _serve(connection: Connection, preload: Callable[[], None]) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    close_all_but(connection)  # what is forked here would keep the supervisor's lock
    gc.disable()  # little of what is imported is garbage
    with detached():  # from what libraries say when they are imported
        preload()
    gc.freeze()  # it is not looked at again, and not copied into each fork by that
    gc.enable()
    while True:
        while not connection.poll(REAP_S):
            _reap()
        try:
            how, *request = cloudpickle.loads(connection.recv_bytes())
        except EOFError:
            return
        how(connection, *request)


def _call(connection: Connection, functions: Sequence[str], arguments: Sequence[Callable[[], Any]]) -> None:
    pid = fork(_send_results, connection, functions, arguments)
    _, status = os.waitpid(pid, 0)
    if status:
        code = os.waitstatus_to_exitcode(status)
        connection.send((None, f"{', '.join(functions)}: it ended with code {code}"))


def _send_results(
    connection: Connection, functions: Sequence[str], arguments: Sequence[Callable[[], Any]]
) -> None:
    die_with_parent()
    results = []
    for function in functions:
        try:
            results.append(get_method(function)(*(argument() for argument in arguments)))
        except Exception as error:
            log.debug("Traceback", exc_info=True)
            where = "" if isinstance(error, SweepError) else f"{function}: {type(error).__name__}: "
            connection.send((None, masked(f"{where}{error}")))
            return
    connection.send((results, None))


def _let_go(connection: Connection, function: Callable[..., None], arguments: Sequence[Any]) -> None:
    fork(_on_its_own, connection, function, arguments)


def _do(connection: Connection, function: Callable[..., None], arguments: Sequence[Any]) -> None:
    with detached(), suppress(Exception, SystemExit):
        function(*arguments)
    connection.send(None)


def _on_its_own(connection: Connection, function: Callable[..., None], arguments: Sequence[Any]) -> None:
    def ready() -> None:
        connection.send(os.getpid())
        connection.close()

    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)
    function(ready, *arguments)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
