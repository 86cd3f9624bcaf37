"""A trial in a process of its own, seen from the worker that forked it."""

import multiprocessing
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from socket import socket
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from src.sweep.compose import Composer
from src.sweep.memory import oom_kills, why_killed
from src.sweep.outcome import Outcome
from src.sweep.ranks import Rank
from src.sweep.trial import Sweep, run_forked

EXIT_GRACE_S = 10


@dataclass
class RunningTrial:
    """`study` has the trial's own sampler; `port` is reserved for its ranks. `kill_at` is when it is killed
    for another rank's sake, on the monotonic clock."""

    study: optuna.Study
    claimed: FrozenTrial
    process: BaseProcess
    answer: Connection
    oom_kills: int | None
    port: socket | None = None
    kill_at: float | None = None
    why_lost: str | None = None

    @classmethod
    def fork(
        cls,
        sweep: Sweep,
        composer: Composer,
        study: optuna.Study,
        claimed: FrozenTrial,
        overrides: list[str],
        job_id: str,
        rank: Rank,
        rendezvous: dict[str, Any] | None,
    ) -> "RunningTrial":
        fork = multiprocessing.get_context("fork")
        answer, question = fork.Pipe(duplex=False)
        arguments = (sweep, composer, claimed, overrides, job_id, question, rank, rendezvous)
        process = fork.Process(target=run_forked, args=arguments)
        kills = oom_kills()
        # A SIGTERM between fork and the child's own handler would be taken by ours, and lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        question.close()
        return cls(study, claimed, process, answer, kills)

    def kill_later(self, seconds: float) -> None:
        """Kills it, unless it ends by itself, so many seconds after this was first asked for; to be
        called again and again."""
        now = time.monotonic()
        self.kill_at = self.kill_at or now + seconds
        if now >= self.kill_at:
            self.process.kill()

    def outcome(self) -> Outcome | None:
        """How it ended, once it has; None where it was killed."""
        try:
            outcome = self.answer.recv() if self.answer.poll() else None
        except EOFError:
            outcome = None
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


def those_ended(running: Iterable[RunningTrial], timeout: float) -> list[RunningTrial]:
    """Waits until one has ended, or the time is over."""
    running = list(running)
    ready = wait([one.answer for one in running], timeout)
    # A killed trial's own children (a data loader's, say) may hold its end of the pipe.
    return [one for one in running if one.answer in ready or not one.process.is_alive()]
