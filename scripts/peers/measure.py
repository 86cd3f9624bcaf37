"""A command that searches, from its start to its end, by the clock and by its trials' events."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.peers.environments import PeerError, last_words
from scripts.peers.events import EVENTS

TIMEOUT_S = 1200.0


@dataclass(frozen=True)
class Figures:
    """Of one search; all times in seconds.

    Args:
        wall: of the whole command.
        before: from its start to where its first trial's training begins.
        after: from the last epoch's end to its own.
        trials: that were begun.
        epochs: that were trained and validated, of all trials.
        batches: that these epochs had.
        ended: how many trials ended after so many epochs.
        best: validation accuracy.
        at_once: trials side by side, on average.
        cpu: CPU seconds of training, of all trials.
        share: of a core that a trial had: 1 for one thread that has a core of its own.
    """

    wall: float
    before: float
    after: float
    trials: int
    epochs: int
    batches: int
    ended: dict[int, int]
    best: float
    at_once: float
    cpu: float
    share: float


def measure(command: list[str], env: dict[str, str], folder: Path) -> Figures:
    """Runs it in the folder. Raises PeerError where it fails, or takes longer than TIMEOUT_S."""
    events, log = folder / "events", folder / "log"
    with open(log, "w") as output:
        start = time.time()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env | {EVENTS: str(events)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise PeerError(f"killed after {TIMEOUT_S:g} s: {last_words(log.read_text())}") from None
        finally:
            end = time.time()
            _end(process)
    if process.returncode:
        raise PeerError(f"ended with {process.returncode}: {last_words(log.read_text())}")
    if not events.exists():
        raise PeerError(f"no trial was begun: {last_words(log.read_text())}")
    return _figures([json.loads(line) for line in events.read_text().splitlines()], start, end)


def _figures(events: list[dict], start: float, end: float) -> Figures:
    trials: list[list[dict]] = []
    latest: dict[int, list[dict]] = {}  # by process, which trains one at a time
    for event in events:
        if event["epoch"] == 0:
            trials.append([])
            latest[event["process"]] = trials[-1]
        latest[event["process"]].append(event)
    first, last = (extreme(event["time"] for event in events) for extreme in (min, max))
    busy, cpu = (sum(trial[-1][clock] - trial[0][clock] for trial in trials) for clock in ("time", "cpu"))
    return Figures(
        wall=end - start,
        before=first - start,
        after=end - last,
        trials=len(trials),
        epochs=sum(trial[-1]["epoch"] for trial in trials),
        batches=sum(trial[-1]["batches"] for trial in trials),
        ended=dict(sorted(Counter(trial[-1]["epoch"] for trial in trials).items())),
        best=max(event["accuracy"] or 0.0 for event in events),
        at_once=busy / (last - first),
        cpu=cpu,
        share=cpu / busy,
    )


def _end(process: subprocess.Popen) -> None:
    """Ends it, if it has not ended, and all that it started and left."""
    family = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
