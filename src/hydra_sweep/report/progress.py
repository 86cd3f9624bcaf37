"""What the user sees of a running sweep: a live table, or plain lines where it is no terminal."""

import time
from collections import defaultdict
from itertools import islice
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hydra_sweep.console import console, say
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.pruners import PAUSED, PROMOTED
from hydra_sweep.report.preference import ends_of
from hydra_sweep.report.words import (
    clock,
    counted,
    counts_line,
    counts_text,
    ended_line,
    metric_names,
    paused_line,
    short_params,
    workers_line,
)
from hydra_sweep.study.best import best_first
from hydra_sweep.study.promotion import seconds_of
from hydra_sweep.study.queue import WORKER, attempt_of
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep


class Progress:
    """Shows the state of the sweep at each `update`, of trials that were read just before."""

    def __init__(self, sweep: Sweep, trials: Trials) -> None:
        self.sweep = sweep
        self.trials = trials
        self.started = time.monotonic()
        self.said: dict[str, str] = {}
        self.live = Live(console=console(), auto_refresh=False) if console().is_terminal else None
        self.best: list[FrozenTrial] = []  # one, or the Pareto front
        self.seconds = self.n_timed = 0.0  # of the trials that have ended
        self.n_seen = 0
        self.paused: set[tuple[int, int]] = set()  # numbers, and the steps where
        self._newly_ended()
        self._newly_paused()

    def __enter__(self) -> "Progress":
        settings = self.sweep.settings
        say(
            f"Study {settings.study_name}: {counted(settings.n_trials, 'trial')} "
            f"on {workers_line(settings)}, in {self.sweep.address.folder}"
        )
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        if self.live:
            self.live.stop()

    def update(self, workers: dict[str, Job]) -> None:
        ended = self._newly_ended()
        if self.live:
            self.live.update(self._picture(workers), refresh=True)
            return
        for trial in self._newly_paused():
            say(paused_line(trial))
        counts = counts_line(self.trials.counts()) if ended else ""
        for trial in ended:
            say(f"{ended_line(trial)}  [{counts}; {self._best_line()}]")
        self._worker_lines(workers)

    def _newly_ended(self) -> list[FrozenTrial]:
        """Those that have ended since it was last asked for, once they have been taken into account."""
        ended = self.trials.ended[self.n_seen :]
        self.n_seen += len(ended)
        times = [seconds_of(trial) for trial in ended if trial.duration]
        self.seconds, self.n_timed = self.seconds + sum(times), self.n_timed + len(times)
        if ended:
            directions = self.trials.study.directions
            best = best_first([*self.best, *ended], directions)
            self.best = best if len(directions) > 1 else best[:1]
        return ended

    def _newly_paused(self) -> list[FrozenTrial]:
        paused = {(trial.number, trial.user_attrs[PAUSED]): trial for trial in self.trials.paused()}
        new = [trial for key, trial in paused.items() if key not in self.paused]
        self.paused |= paused.keys()
        return new

    def _worker_lines(self, workers: dict[str, Job]) -> None:
        for worker, job in workers.items():
            if job.alive and job.word and self.said.get(worker) != job.word:
                say(f"worker {worker} {job.word}")
            self.said[worker] = job.word

    def _picture(self, workers: dict[str, Job]) -> Group:
        n, ended = self.trials.n_trials, len(self.trials.ended)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self.sweep.address.name, style="bold"),
            ProgressBar(n, ended, width=40),
            f"{ended}/{n}",
            f"{clock(time.monotonic() - self.started)} so far",
            f"about {clock(left)} left" if (left := self._time_left()) else "",
        )
        counts = counts_text(self.trials.counts())
        return Group(head, counts, Text(self._best_line()), self._workers(workers))

    def _workers(self, workers: dict[str, Job]) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for column in ("worker", "trial", "step", "value", "for", "parameters"):
            table.add_column(column, no_wrap=True)
        running = defaultdict(list)
        for trial in self.trials.in_state(TrialState.RUNNING):
            running[trial.user_attrs.get(WORKER)].append(trial)
        for worker, job in islice(workers.items(), console().height):  # no more would be seen
            for trial in running[worker]:
                table.add_row(worker, *_running_row(trial))
            if not running[worker]:
                word = "starting or idle" if job.state == JobState.RUNNING else job.word
                table.add_row(worker, "", "", "", "", Text(word, style="dim"))
        return table

    def _best_line(self) -> str:
        if not self.best:
            return "no best yet"
        names = metric_names(self.sweep)
        if len(names) == 1:
            return f"best {names[0]} {self.best[0].value:.6g}, trial {self.best[0].number}"
        ends = enumerate(ends_of(self.best, self.trials.study.directions))
        shown = ", ".join(f"{names[i]} {end.values[i]:.6g} (trial {end.number})" for i, end in ends)
        return f"Pareto front of {len(self.best)}: {shown}"

    def _time_left(self) -> float | None:
        """Seconds, from the mean time of the trials that have ended or paused; None before one has."""
        paused = self.trials.paused()
        if not (n_timed := self.n_timed + len(paused)):
            return None
        left = self.trials.n_trials - len(self.trials.ended) - len(paused)
        mean = (self.seconds + sum(map(seconds_of, paused))) / n_timed
        settings = self.sweep.settings
        running = self.trials.in_state(TrialState.RUNNING)
        slots = max(settings.n_jobs * settings.least_slots, len(running))
        side_by_side = min(slots, max(1, left))
        return (mean * left - sum(min(running_for(trial), mean) for trial in running)) / side_by_side


def running_for(trial: FrozenTrial) -> float:
    return max(0.0, time.time() - trial.datetime_start.timestamp())  # the clock may have been set


def _running_row(trial: FrozenTrial) -> tuple[str, str, str, str, str]:
    number, step = f"{trial.number}", trial.last_step
    if promoted := trial.user_attrs.get(PROMOTED):
        number += f" (promoted at step {promoted})"
    elif attempt_of(trial):
        number += f" (attempt {attempt_of(trial) + 1})"
    value = "" if step is None else f"{trial.intermediate_values[step]:.5g}"
    return number, "" if step is None else str(step), value, clock(running_for(trial)), short_params(trial)
