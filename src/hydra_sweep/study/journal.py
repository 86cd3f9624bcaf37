"""The journal file as our storage, made to survive writers that die in the middle of a line."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from hydra_sweep.errors import SweepError

log = logging.getLogger(__name__)

START = b'{"op_code":'


class SafeJournalStorage(JournalStorage):
    """Optuna's, which forgets what it claimed last before it claims again.

    It tells whether a claim came too late by the trial that it owns, and goes on owning one that was put
    back: a process that is second to claim that one again would be told that it is the first.
    """

    # records that are yet to be written
    _kept: list[dict[str, Any]] | None = None

    @contextmanager
    def params_together(self) -> Iterator[None]:
        """Parameters that are set inside are written at its end, in one write: each takes the lock."""
        self._kept = kept = []
        try:
            yield
        finally:
            self._kept = None
            with self._thread_lock:
                self._backend.append_logs(kept) if kept else None
                self._sync_with_backend()

    def _write_log(self, op_code: int, extra_fields: dict[str, Any]) -> None:
        if self._kept is None or op_code != JournalOperation.SET_TRIAL_PARAM:
            super()._write_log(op_code, extra_fields)
            return
        self._kept.append({"op_code": op_code, "worker_id": self._replay_result.worker_id, **extra_fields})

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if state == TrialState.RUNNING:
            self._replay_result._worker_id_to_owned_trial_id.clear()
        return super().set_trial_state_values(trial_id, state, values)


def open_journal(file: Path) -> JournalStorage:
    """Makes the file where there is none. Raises SweepError where it is no journal, or a damaged one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        with open(file, "rb") as journal:
            head = journal.read(len(START))
        # Its last line without an end would be cut off, which may be all of it.
        if not START.startswith(head):
            raise SweepError(f"{file} is not a journal of Optuna. Move it away, and try again.")
    backend = Journal(str(file))
    try:
        return SafeJournalStorage(backend)
    except (ValueError, LookupError, AssertionError) as error:  # what replaying other records raises
        what = f"{type(error).__name__}: {error}"
        step = "Restore it from a backup, or set another hydra.sweeper.study_name."
        raise SweepError(f"{file} is damaged ({what}). {step}") from None


class Journal(JournalFileBackend):
    """Optuna's, with the file's name in what goes wrong."""

    def __init__(self, file: str) -> None:
        self.lock = JournalLock(file)
        super().__init__(file, self.lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except OSError as error:
            raise OSError(error.errno, error.strerror, error.filename or self._file_path) from error


class JournalLock(JournalFileSymlinkLock):
    """Optuna's, which can be held over several writes, and cuts off half a last line once it has the lock.

    A writer leaves one when it is killed, or the disk is full. The next record would be glued to it,
    and every reader would die of that line. Readers skip it, and remember the offsets of whole lines
    only, so that the cut moves nothing under them.
    """

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file
        self.is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Writes of this process inside take the lock for theirs."""
        self.acquire()
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
            self.release()

    def acquire(self) -> bool:
        if self.is_held:
            return True
        super().acquire()
        try:
            _cut_half_line(self.file)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self.is_held:
            return
        try:
            super().release()
        except RuntimeError:  # Two may have taken over a dead process's. What was to be written is.
            log.warning("%s: another process took the lock over", self.file)


def _cut_half_line(file: str) -> None:
    with open(file, "r+b") as journal:
        size = journal.seek(0, os.SEEK_END)
        journal.seek(max(0, size - 1))
        if journal.read() in (b"", b"\n"):
            return
        journal.seek(0)
        whole = journal.read().rfind(b"\n") + 1
        log.warning("%s: its last record was not written to its end, and is cut off", file)
        journal.truncate(whole)
