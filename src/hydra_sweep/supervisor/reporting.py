"""The sweep's report, written again and again by a process beside the supervisor, which never waits for it
and is never harmed by it."""

import os
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import optuna

from hydra_sweep.console import say
from hydra_sweep.errors import one_line
from hydra_sweep.processes import Companion, close_all_but, die_with_parent
from hydra_sweep.report.part import REPORT, part_of
from hydra_sweep.study.inherited import inherited
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.sweep import Sweep

# seconds from the end of one report to the begin of the next, at least; and the share of a core that they
# may take: the more there is to write, the rarer it gets
EVERY_S, SHARE = 15.0, 0.02
# below the trials, with which it shares this machine
NICENESS = 15
# How long the end of the sweep waits for the last one, which is then left to be written: of 10,000 trials
# it takes two seconds. Whoever then moves the sweep's folder is not to meet a process that writes there.
PATIENCE_S = 10.0


class Reporting(Companion):
    """A process for each report, a fork that has all that the supervisor has read of the study."""

    def __init__(self, sweep: Sweep, study: optuna.Study) -> None:
        self.address = sweep.address
        self.study = study
        self.file = sweep.address.folder / REPORT
        self.every = EVERY_S
        self.next_at = time.monotonic() + EVERY_S

    def look(self) -> None:
        """Takes note of a report that was written, and begins another when it is time."""
        if self.pid:
            if self.connection.poll():
                self._receive()
        elif time.monotonic() >= self.next_at:
            self._begin(self.every)

    def begin_last(self) -> None:
        """Of a sweep that has ended."""
        if self.pid:
            pid = self.pid
            self.stop()
            part_of(self.file, pid).unlink(missing_ok=True)
        self.patient_until = time.monotonic() + PATIENCE_S
        self._begin(None)

    def last(self) -> list[str]:
        """Where the last one is, once it was begun, or will be in a moment; empty where it could not be
        written, which is said."""
        is_begun = bool(self.pid)
        if is_begun and self.connection.poll(max(0.0, self.patient_until - time.monotonic())):
            return [str(self.file)] if self._receive() else []
        return [str(self.file)] if is_begun else []

    def _begin(self, refresh_s: float | None) -> None:
        try:
            self.begin(_write, self.address, self.study, self.file, refresh_s)
        except OSError as error:  # no memory for another process, say
            self._was_not_written(str(error))

    def _receive(self) -> bool:
        """Whether it was written."""
        try:
            seconds, error = self.connection.recv()
        except (EOFError, OSError):
            seconds, error = 0.0, "its process was killed"
        self.stop()
        self.every = max(EVERY_S, seconds / SHARE)
        self.next_at = time.monotonic() + self.every
        if error:
            self._was_not_written(error)
        return not error

    def _was_not_written(self, why: str) -> None:
        say(f"The report {self.file} was not written: {why}")
        self.next_at = float("inf")  # once is enough, but for the last


def _write(
    connection: Connection,
    address: StudyAddress,
    study: optuna.Study,
    file: Path,
    refresh_s: float | None,
) -> None:
    """The life of the process. The last report may outlive the sweep's command, and its terminal."""
    if refresh_s is not None:
        die_with_parent()
    for one in (signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    close_all_but(connection)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    if refresh_s is not None:  # else nothing trains any more, and the user waits
        os.nice(NICENESS)
    error = None
    try:
        # Not at the top: the supervisor does without.
        from hydra_sweep.facts.seen import Seen
        from hydra_sweep.facts.write import report

        now = address.load(inherited(study._storage) or address.open_storage())
        report([Seen(now, address.folder)], file, refresh_s)
    except Exception as raised:
        error = masked(f"{type(raised).__name__}: {one_line(raised)}")
    with suppress(OSError):  # nobody waits any more
        connection.send((time.process_time(), error))
