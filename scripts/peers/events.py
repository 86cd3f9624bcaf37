"""When trials began, and what each epoch came to: lines of JSON in the file that EVENTS names, of all
processes of a search."""

import json
import os
import time

EVENTS = "PEERS_EVENTS"


def begin() -> None:
    """A trial's training begins, in this process."""
    _write(0, None, 0)


def epoch(number: int, accuracy: float, batches: int) -> None:
    """The trial's epoch of that number, from 1, is trained and validated; of so many batches in all."""
    _write(number, accuracy, batches)


def _write(number: int, accuracy: float | None, batches: int) -> None:
    now = {"time": time.time(), "cpu": time.process_time(), "process": os.getpid()}
    with open(os.environ[EVENTS], "a") as file:
        file.write(json.dumps(now | {"epoch": number, "accuracy": accuracy, "batches": batches}) + "\n")
