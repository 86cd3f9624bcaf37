"""What the user sees of a running sweep: a live table, or plain lines where it is no terminal."""

import time
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hydra_sweep.console import console, say
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.report.words import (
    clock,
    counted,
    counts_line,
    counts_text,
    ended_line,
    metric_names,
    short_params,
    workers_line,
)
from hydra_sweep.study.queue import attempt_of
from hydra_sweep.sweep import Sweep


class Progress:
    """Shows the state of the sweep at each `update`."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.started = time.monotonic()
        self.seen: dict[int, TrialState] = {}
        self.said: dict[str, str] = {}
        self.live = Live(console=console, auto_refresh=False) if console.is_terminal else None

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

    def update(self, trials: list[FrozenTrial], workers: dict[str, Job]) -> None:
        if self.live:
            self.live.update(self._picture(trials, workers), refresh=True)
        else:
            self._lines(trials)
            self._worker_lines(workers)

    def _lines(self, trials: list[FrozenTrial]) -> None:
        for trial in trials:
            before = self.seen.get(trial.number, trial.state)
            self.seen[trial.number] = trial.state
            if trial.state.is_finished() and before != trial.state:
                say(f"{ended_line(trial)}  [{counts_line(trials)}; {self._best_line(trials)}]")

    def _worker_lines(self, workers: dict[str, Job]) -> None:
        for worker, job in workers.items():
            if job.alive and job.word and self.said.get(worker) != job.word:
                say(f"worker {worker} {job.word}")
            self.said[worker] = job.word

    def _picture(self, trials: list[FrozenTrial], workers: dict[str, Job]) -> Group:
        ended = sum(trial.state.is_finished() for trial in trials)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self.sweep.address.name, style="bold"),
            ProgressBar(len(trials), ended, width=40),
            f"{ended}/{len(trials)}",
            f"{clock(time.monotonic() - self.started)} so far",
            f"about {clock(left)} left" if (left := time_left(trials, self.sweep)) else "",
        )
        return Group(
            head, counts_text(trials), Text(self._best_line(trials)), self._workers(trials, workers)
        )

    def _workers(self, trials: list[FrozenTrial], workers: dict[str, Job]) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for column in ("worker", "trial", "step", "value", "for", "parameters"):
            table.add_column(column, no_wrap=True)
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        for worker, job in workers.items():
            own = [trial for trial in running if trial.user_attrs.get("worker") == worker]
            for trial in own:
                table.add_row(worker, *_running_row(trial))
            if not own:
                word = "starting or idle" if job.state == JobState.RUNNING else job.word
                table.add_row(worker, "", "", "", "", Text(word, style="dim"))
        return table

    def _best_line(self, trials: list[FrozenTrial]) -> str:
        best = best_trial(trials, self.sweep)
        return (
            f"best {metric_names(self.sweep)[0]} {best.value:.6g}, trial {best.number}"
            if best
            else "no best yet"
        )


def best_trial(trials: list[FrozenTrial], sweep: Sweep) -> FrozenTrial | None:
    """The best complete trial; None where there is none, and for several objectives."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete or len(sweep.settings.directions) > 1:
        return None
    maximize = sweep.settings.directions[0] == StudyDirection.MAXIMIZE.name.lower()
    return (max if maximize else min)(complete, key=lambda trial: trial.value)


def time_left(trials: list[FrozenTrial], sweep: Sweep) -> float | None:
    """Seconds, from the mean time of the trials that have ended; None before the first has."""
    times = [trial.duration.total_seconds() for trial in trials if trial.duration]
    if not times:
        return None
    open_trials = [trial for trial in trials if not trial.state.is_finished()]
    mean = sum(times) / len(times)
    running = [trial for trial in open_trials if trial.state == TrialState.RUNNING]
    slots = max(sweep.settings.n_jobs * sweep.settings.least_slots, len(running))
    side_by_side = min(slots, max(1, len(open_trials)))
    spent = sum(min(running_for(trial), mean) for trial in running)
    return (mean * len(open_trials) - spent) / side_by_side


def running_for(trial: FrozenTrial) -> float:
    return max(0.0, time.time() - trial.datetime_start.timestamp())  # the clock may have been set


def _running_row(trial: FrozenTrial) -> tuple[str, str, str, str, str]:
    number = f"{trial.number}" + (f" (attempt {attempt_of(trial) + 1})" if attempt_of(trial) else "")
    step = trial.last_step
    value = "" if step is None else f"{trial.intermediate_values[step]:.5g}"
    return number, "" if step is None else str(step), value, clock(running_for(trial)), short_params(trial)
