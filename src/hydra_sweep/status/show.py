"""How a sweep stands, printed."""

import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.trial import TrialState

from hydra_sweep.console import console, say
from hydra_sweep.errors import SweepError
from hydra_sweep.facts.seen import Seen
from hydra_sweep.launcher.base import WatchedLauncher
from hydra_sweep.launcher.state import Job
from hydra_sweep.report.commands import Commands
from hydra_sweep.report.progress import Progress, Shown
from hydra_sweep.report.results import best_table
from hydra_sweep.report.words import counted, metrics_of
from hydra_sweep.status.workers import launcher_of, recorded
from hydra_sweep.study import queue
from hydra_sweep.study.sweep_study import BUDGET, why_stopped
from hydra_sweep.study.trials import Trials
from hydra_sweep.supervisor.lock import supervisor_of
from hydra_sweep.supervisor.workers import WORKERS

LOOK_EVERY_S = 1.0
FEW = 5


class Status:
    """Of a study, in the folder of its sweep; without a folder, of a study that others have made."""

    def __init__(self, study: optuna.Study, folder: Path | None) -> None:
        self.study, self.folder = study, folder
        started_with = study.user_attrs.get(WORKERS, {}).get("started with", {})
        n = study.user_attrs.get(BUDGET) or len(study.get_trials(deepcopy=False))
        self.trials = Trials(study, n, rules=started_with.get("stop")).read()
        self.launcher: WatchedLauncher | None = None
        self.cannot_ask = ""
        try:
            self.launcher = launcher_of(study, folder) if folder else None
        except SweepError as error:
            self.cannot_ask = str(error)
        slots = started_with.get("slots", 1)
        began = [trial.datetime_start.timestamp() for trial in self.trials if trial.datetime_start]
        shown = Shown(
            name=study.study_name,
            metrics=metrics_of(study),
            slots=slots if isinstance(slots, int) else 1,
            begun=min(began, default=time.time()),
        )
        self.progress = Progress(shown, self.trials)
        self.watched = False

    def show(self) -> None:
        """All of it, once; what is on the screen from watching it is not shown again."""
        jobs = self._jobs()
        if not (self.watched and self.progress.live):
            console().print(self.progress.now(jobs))
        for line in [self._who(jobs), self.cannot_ask, *self._failures()]:
            say(line) if line else None
        seen = Seen(self.study, self.folder)
        if best := seen.best:
            console().print(best_table(best, self.study.directions, metrics_of(self.study)))
        if best and (again := seen.again.get(best[0].number)):
            runs = counted(len(again), "run")
            say(f"Trial {best[0].number} is the best by the mean of {runs} with fresh seeds: its value.")
        if self.folder is None:
            return
        say(f"All of it: {self.folder}")
        commands = Commands(self.study, self.folder)
        lines = [("Go on with", commands.go_on())] if self._is_left_alone(jobs) else []
        for label, line in [*lines, *(commands.of_best(best[0]) if best else [])]:
            if line:
                say(f"{label}:\n  {line}")

    def watch(self) -> None:
        """As its supervisor shows it, until all trials have ended, or nobody works on them."""
        n_left_alone, self.watched = 0, True
        with self.progress as progress:
            while True:
                self.trials.read()
                progress.update(jobs := self._jobs())
                n_left_alone = n_left_alone + 1 if self._is_left_alone(jobs) else 0
                if not queue.n_left(self.trials) or n_left_alone > 1:
                    return
                time.sleep(max(LOOK_EVERY_S, self.launcher.answer_age_s if self.launcher else 0.0))

    def _jobs(self) -> dict[str, Job] | None:
        """The workers that live; None where that is not known."""
        if not self.launcher:
            return None
        busy = {t.user_attrs.get(queue.WORKER) for t in self.trials.in_state(TrialState.RUNNING)}
        ids = recorded(self.study, sorted(busy - {None}))
        return (
            {i: job for i, job in self.launcher.look(ids).items() if job.alive or i in busy} if ids else {}
        )

    def _is_left_alone(self, jobs: Mapping[str, Job] | None) -> bool:
        """Whether it is known that nobody works on what there is to do."""
        last = supervisor_of(self.folder) if self.folder else None
        is_worked_on = jobs is None or any(job.alive for job in jobs.values())
        return not is_worked_on and not (last and last.lives) and queue.n_left(self.trials) > 0

    def _who(self, jobs: Mapping[str, Job] | None) -> str:
        """Who supervises it, or how it ended."""
        if not queue.n_left(self.trials):
            ended = counted(len(self.trials.ended), "trial")
            if self.trials.is_stopped():
                return (
                    f"Study {self.study.study_name} was stopped after {ended}: {why_stopped(self.study)}."
                )
            return f"Study {self.study.study_name} is complete: {ended}."
        last = supervisor_of(self.folder) if self.folder else None
        if last is None:
            return "It was never supervised." if self.folder else ""
        if last.lives is None:
            return f"Its last supervisor: {last.said}. Whether that lives can be told there."
        if last.lives:
            return f"Its supervisor: {last.said}."
        then = "Nobody works on it" if self._is_left_alone(jobs) else "Its workers go on by themselves"
        return f"{then}: its last supervisor, {last.said}, has ended."

    def _failures(self) -> list[str]:
        """By reason, those of the most trials first."""
        by_reason = defaultdict(list)
        for trial in self.trials.failed:
            by_reason[trial.user_attrs.get("reason") or "no reason is known"].append(trial.number)
        lines = []
        for reason, numbers in sorted(by_reason.items(), key=lambda item: -len(item[1])):
            more = " …" if len(numbers) > FEW else ""
            trials = f"trial{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers[:FEW]))}{more}"
            lines.append(f"{len(numbers)} failed: {reason} ({trials})")
        return lines
