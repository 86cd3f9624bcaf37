"""The sweep's tracker, `hydra.sweeper.tracker`, in a process of its own: its imports, and its waiting for
who does not answer, take no time of the supervisor's or of a trial's."""

import logging
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.processes import Companion, close_all_but, die_with_parent
from hydra_sweep.space.compose import in_force
from hydra_sweep.study.secrets import masked
from hydra_sweep.sweep import Plan, Sweep

log = logging.getLogger(__name__)

# how often the study is looked at while trials run
EVERY_S = 5.0
# below the trials, with which it shares this machine
NICENESS = 10
# what an answer is: of what was asked, or a line for the user
DONE, SAID = "done", "said"
# what is asked without an answer
HASTEN = "hasten"


class Tracking(Companion):
    """The process, which imports from `start` on, or when it has to. Does nothing where the sweep has no
    tracker. `cfg` is the configuration of an example trial."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep

    def start(self, ahead: bool = True) -> None:
        if self.sweep.settings.tracker:
            self.begin(_run, self.sweep, ahead)

    def prepare(self, cfg: DictConfig, plan: Plan) -> dict[str, Any]:
        """What is to be known of the study. Raises SweepError where the sweep cannot be tracked."""
        return self._ask("prepare", cfg, plan) or {}

    def follow(self, cfg: DictConfig) -> None:
        """Has trials be tracked from now on, while they run."""
        self._ask("follow", cfg)

    def look(self) -> None:
        """Shows what there is to say of it."""
        while self.pid and self.connection.poll():
            self._receive()

    def hasten(self) -> None:
        """Has what is new be tracked at once, and does not wait for that."""
        with suppress(OSError):
            if self.pid:
                self.connection.send((HASTEN,))

    def finish(self, cfg: DictConfig) -> list[str]:
        """Has all be tracked. Commands to look further."""
        try:
            return self._ask("finish", cfg) or []
        except SweepError as error:  # no reason to withhold the results
            say(str(error))
            return []

    def _ask(self, *request: Any) -> Any:
        if not self.sweep.settings.tracker:
            return None
        answer = None
        for _ in range(2):  # once more where it was killed meanwhile
            if not self.pid:
                self.start(ahead=False)
            with suppress(OSError):
                self.connection.send(request)
                while self.pid and not (answer := self._receive()):
                    pass
            if answer:
                break
            self.stop()
        result, error = answer or (None, f"{self.sweep.settings.tracker}: its process was killed, twice.")
        if error:
            raise SweepError(error)
        return result

    def _receive(self) -> tuple[Any, str | None] | None:
        """The answer to what was asked; None where there is none."""
        try:
            kind, *answer = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            return None
        if kind == DONE:
            return tuple(answer)
        say(*answer)
        return None


def _run(connection: Connection, sweep: Sweep, ahead: bool) -> None:
    """The life of the process."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    close_all_but(connection)
    os.nice(NICENESS)
    study = tracker = cfg = None
    with suppress(Exception):  # which is told when it is asked for something
        tracker = get_object(sweep.settings.tracker)()
        if ahead:
            tracker.get_ready(sweep.config)
    with suppress(EOFError):
        while True:
            what, *given = connection.recv() if not study or connection.poll(EVERY_S) else (HASTEN,)
            if what == HASTEN:
                if study and (said := tracker.follow(cfg, study)):
                    connection.send((SAID, said))
                continue
            cfg, *plan = given
            in_force(cfg)
            result = error = None
            try:
                tracker = tracker or get_object(sweep.settings.tracker)()
                if what == "prepare":
                    result = tracker.prepare(cfg, *plan)
                else:
                    study = study or sweep.address.load()
                if what == "finish":
                    result = tracker.finish(cfg, study)
            except Exception as raised:
                error = _in_words(raised, sweep)
            connection.send((DONE, result, error))


def _in_words(error: Exception, sweep: Sweep) -> str:
    log.debug("Traceback", exc_info=True)
    where = "" if isinstance(error, SweepError) else f"{sweep.settings.tracker}: {type(error).__name__}: "
    return masked(f"{where}{error}")
