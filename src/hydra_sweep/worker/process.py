"""A trial in a process of its own, seen from the worker that forked it."""

import multiprocessing
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import socket
from typing import Any

from optuna.trial import FrozenTrial

from hydra_sweep.study.outcome import Outcome
from hydra_sweep.worker.context import JobContext
from hydra_sweep.worker.trial import Assignment, run_forked

EXIT_GRACE_S = 10
VMSTAT = Path("/proc/vmstat")


@dataclass
class TrialProcess:
    """Once it has begun, it does all that comes before the task, and waits there to be let in.

    `port` is reserved for the trial's ranks. `kill_at` is when it is killed for another rank's sake, on the
    monotonic clock.
    """

    process: BaseProcess
    answer: Connection
    gate: Connection
    claimed: FrozenTrial | None = None
    oom_kills: int | None = None
    port: socket | None = None
    kill_at: float | None = None
    why_lost: str | None = None
    sent: Outcome | None = None

    @classmethod
    def fork(cls, job: JobContext, is_early: bool = False) -> "TrialProcess":
        """One that waits for its trial; `is_early` where that is not there yet."""
        fork = multiprocessing.get_context("fork")
        (answer, question), (entry, gate) = fork.Pipe(duplex=False), fork.Pipe(duplex=False)
        process = fork.Process(target=run_forked, args=(job, entry, question, is_early))
        # A SIGTERM between fork and the child's own handler would be taken by ours, and lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        question.close()
        entry.close()
        return cls(process, answer, gate)

    @property
    def pid(self) -> int:
        return self.process.pid

    def begin(
        self,
        claimed: FrozenTrial,
        overrides: list[str],
        slots: int,
        rendezvous: dict[str, Any] | None = None,
        port: socket | None = None,
        repeat: int | None = None,
    ) -> None:
        self.claimed, self.port, self.oom_kills = claimed, port, oom_kills()
        assigned = Assignment(claimed.number, claimed._trial_id, overrides, slots, rendezvous, repeat)
        with suppress(OSError):  # it has died
            self.gate.send(assigned)

    def let_in(self) -> None:
        """Has it call the task, before which it waits."""
        with suppress(OSError):  # it has died
            self.gate.send_bytes(b"")
        self.gate.close()

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()

    def kill_later(self, seconds: float) -> None:
        """Kills it, unless it ends by itself, so many seconds after this was first asked for; to be
        called again and again."""
        now = time.monotonic()
        self.kill_at = self.kill_at or now + seconds
        if now >= self.kill_at:
            self.process.kill()

    def said(self) -> Outcome | None:
        """What it has sent, though it may not have ended yet."""
        with suppress(EOFError):
            if not self.sent and self.answer.poll():
                self.sent = self.answer.recv()
        return self.sent

    def outcome(self) -> Outcome | None:
        """How it ended, once it has; None where it was killed."""
        outcome = self.said()
        self.process.join(EXIT_GRACE_S)
        self.process.kill()
        self.process.join()
        if self.port:
            self.port.close()
        return outcome

    def why_ended(self) -> str:
        """Of one that left no outcome."""
        if self.why_lost:
            return self.why_lost
        code = self.process.exitcode
        if code == -signal.SIGKILL:
            return why_killed(self.oom_kills)
        if code is not None and code < 0:
            return f"killed ({signal.Signals(-code).name})"
        return f"ended without a result (exit code {code})"


def those_ended(running: Iterable[TrialProcess], timeout: float) -> list[TrialProcess]:
    """Waits until one has ended, or the time is over."""
    running = list(running)
    ready = wait([one.answer for one in running], timeout)
    # A killed trial's own children (a data loader's, say) may hold its end of the pipe.
    return [one for one in running if one.answer in ready or not one.process.is_alive()]


def oom_kills() -> int | None:
    """How often the kernel's out-of-memory killer has struck on this machine, in any cgroup; None
    where the system does not say (Linux 4.13 and later do)."""
    try:
        counters = dict(line.split() for line in VMSTAT.read_text().splitlines())
        return int(counters["oom_kill"])
    except (OSError, KeyError, ValueError):
        return None


def why_killed(before: int | None) -> str:
    """What to make of a SIGKILL that nobody of us sent, given the count from before the process began."""
    now = oom_kills()
    if before is None or now is None:
        return "killed (SIGKILL), perhaps by the system, out of memory"
    if now > before:
        return "killed (SIGKILL) by the system, which ran out of memory"
    return "killed (SIGKILL)"
