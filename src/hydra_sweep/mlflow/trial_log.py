"""What a trial logs, in a file of its own. The sweep's tracker sends it to MLflow: no trial waits for that.

Lines of JSON, each of `tags`, `params`, or `metrics` with their step and time. They survive the trial's
death, and what a later attempt does again is not written again.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hydra_sweep.mlflow.names import cut

# of the trial's folder
FILE = "mlflow.jsonl"


class Point(NamedTuple):
    """A value of a metric, by MLflow's name for it; the time in milliseconds since 1970."""

    key: str
    value: float
    time: int
    step: int


class TrialLog:
    """To write to. A key may be logged more than once a step, as Lightning does with `epoch`. The `prefix`
    comes before the names of metrics."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self.path = folder / FILE
        self.prefix = prefix
        earlier = Reader(self.path)
        earlier.read()
        self.to_skip = Counter((point.key, point.step) for point in earlier.points)
        self.params = earlier.params
        if self.path.exists() and self.path.stat().st_size > earlier.offset:
            self._append("\n")  # a killed attempt has left half a line

    def log_tags(self, tags: Mapping[str, str]) -> None:
        if tags:
            self._write({"tags": tags})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """MLflow refuses to change one, and some change when a trial goes on: the first stays."""
        new = {key: str(value) for key, value in params.items() if key not in self.params}
        self.params |= new
        if new:
            self._write({"params": new})

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        named = {cut(f"{self.prefix}{key}"): value for key, value in metrics.items()}
        new = {key: value for key, value in named.items() if not self._is_there(key, step)}
        if new:
            self._write({"metrics": new, "step": step, "time": int(time.time() * 1000)})

    def _is_there(self, key: str, step: int) -> bool:
        self.to_skip[key, step] -= 1
        return self.to_skip[key, step] >= 0

    def _write(self, line: dict[str, Any]) -> None:
        self._append(json.dumps(line) + "\n")

    def _append(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)


class Reader:
    """`read` gathers what was written since it was called last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.tags: dict[str, str] = {}
        self.params: dict[str, str] = {}
        self.points: list[Point] = []

    def read(self) -> None:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                whole, _, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        self.offset += len(whole) + bool(whole)
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except ValueError:  # the half line of an attempt that was killed
                continue

    def _take(self, line: Mapping[str, Any]) -> None:
        self.tags |= line.get("tags", {})
        self.params |= line.get("params", {})
        for key, value in line.get("metrics", {}).items():
            self.points.append(Point(key, value, line["time"], line["step"]))
