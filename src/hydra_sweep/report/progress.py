"""What the user sees of a running sweep: a live picture, or where it is no terminal a line for each change
of state."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.live import Live

from hydra_sweep.console import console, say
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.report.changes import Change, Changes
from hydra_sweep.report.picture import Picture, View
from hydra_sweep.report.preference import ends_of
from hydra_sweep.report.time_left import TimeLeft
from hydra_sweep.report.words import counts_line
from hydra_sweep.study import queue
from hydra_sweep.study.best import best_first
from hydra_sweep.study.pausing import n_resting
from hydra_sweep.study.trials import Trials

# a person reads no faster
DRAWN_EVERY_S = 0.5
# changes that are kept to be shown
NEWS = 20


@dataclass(frozen=True)
class Shown:
    """What is shown of a sweep, beside its trials; so many `slots` has each worker at least, and `begun` it
    has, in seconds since the epoch."""

    name: str
    metrics: Sequence[str]
    slots: int
    begun: float


class Progress:
    """Shows the state of the sweep at each `update`, of trials that were read just before."""

    def __init__(self, sweep: Shown, trials: Trials) -> None:
        self.sweep = sweep
        self.trials = trials
        self.live = Live(console=console(), auto_refresh=False) if console().is_interactive else None
        self.width = console().width
        self.drawn_at = 0.0
        self.jobs: Mapping[str, Job] | None = {}
        self.changes = Changes(trials)
        self.news: deque[tuple[str, Change]] = deque(maxlen=NEWS)
        self.picture = Picture()
        self.time_left = TimeLeft()
        self.best: list[FrozenTrial] = []  # one, or the Pareto front
        self.n_seen = self.n_steps = 0
        self._learn()

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        if self.live and self.live.is_started:
            self._draw()
            self.live.stop()

    def update(self, jobs: Mapping[str, Job] | None) -> None:
        self.jobs = jobs
        self._learn()
        changes = self.changes.look(jobs or {})
        if not self.live:
            self._say(changes)
            return
        at = f"{datetime.now():%H:%M:%S}"
        # which trials run is in the picture itself
        self.news.extend((at, change) for change in changes if not change.is_running)
        if (now := time.monotonic()) - self.drawn_at >= DRAWN_EVERY_S:
            self.drawn_at = now
            self._draw()

    def now(self, jobs: Mapping[str, Job] | None) -> Group:
        """The picture."""
        view = View(
            name=self.sweep.name,
            trials=self.trials,
            jobs=jobs,
            best=self.best_line(),
            best_trial=self.best[0] if len(self.sweep.metrics) == 1 and self.best else None,
            elapsed=self._elapsed(),
            left=self._left(jobs),
            n_steps=self.n_steps,
            changes=list(self.news),
        )
        return Group(*self.picture.lines(view, *console().size))

    def best_line(self) -> str:
        if not self.best:
            return "no best yet"
        names = self.sweep.metrics
        if len(names) == 1:
            return f"best {names[0]} {self.best[0].value:.6g}, trial {self.best[0].number}"
        ends = enumerate(ends_of(self.best, self.trials.study.directions))
        shown = ", ".join(f"{names[i]} {end.values[i]:.6g} (trial {end.number})" for i, end in ends)
        return f"Pareto front of {len(self.best)}: {shown}"

    def _draw(self) -> None:
        if (width := console().width) < self.width:  # the terminal has folded what was there
            self.live.update("")
            self.live.stop()
            console().clear()
            self.live.start()
        self.width = width
        self.live.update(self.now(self.jobs), refresh=True)

    def _say(self, changes: Sequence[Change]) -> None:
        at = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
        so_far = f"  [{counts_line(self.trials.counts())}; {self.best_line()}]"
        for change in changes:
            say(f"{at} {change.text}{so_far if change.has_ended else ''}")

    def _learn(self) -> None:
        """Takes into account what has ended."""
        ended = self.trials.ended[self.n_seen :]
        self.n_seen += len(ended)
        if not ended:
            return
        directions = self.trials.study.directions
        best = best_first([*self.best, *ended], directions)
        self.best = best if len(directions) > 1 else best[:1]
        steps = [trial.last_step or 0 for trial in ended if trial.state == TrialState.COMPLETE]
        self.n_steps = max([self.n_steps, *steps])

    def _elapsed(self) -> float:
        is_over = not queue.n_left(self.trials) and self.trials.ended
        ends = [t.datetime_complete.timestamp() for t in self.trials.ended] if is_over else [time.time()]
        return max(0.0, max(ends) - self.sweep.begun)

    def _left(self, jobs: Mapping[str, Job] | None) -> float | None:
        if jobs is not None and not any(job.alive for job in jobs.values()):
            return None  # nobody works on it
        running = self.trials.in_state(TrialState.RUNNING)
        waiting = max(0, queue.n_left(self.trials) - len(running) - n_resting(self.trials))
        slots = self.sweep.slots * sum(job.state == JobState.RUNNING for job in (jobs or {}).values())
        return self.time_left.of(self.trials.ended, running, waiting, slots)
