"""A sweep at a glance: lines of text that fit a terminal of any size, and that stay where they are."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState
from rich.cells import cell_len
from rich.text import Text

from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.pruners import PROMOTED
from hydra_sweep.report.changes import Change
from hydra_sweep.report.results import short_names
from hydra_sweep.report.time_left import running_for
from hydra_sweep.report.words import NONE, about, clock, counted, counts_parts, short_params, shown
from hydra_sweep.space.lists import values
from hydra_sweep.study.queue import WORKER, attempt_of, n_left
from hydra_sweep.study.trials import Trials

GAP = "  "
BAR = (8, 40)
WORKER_MOST = 12
AGAIN = "↻"
# in lines, of a terminal that has room to space
TALL = 20
# the more important first
COLUMNS = ("trial", AGAIN, "step", "value", "for", "worker")


@dataclass(frozen=True)
class View:
    """What there is to show: `n_steps` of a trial that was trained to its end, 0 where that is not known;
    `changes`, the newest at the end, each with its time of day; `left` and `elapsed` in seconds."""

    name: str
    trials: Trials
    jobs: Mapping[str, Job] | None  # None: nobody can tell
    best: str
    best_trial: FrozenTrial | None
    elapsed: float
    left: float | None
    n_steps: int
    changes: Sequence[tuple[str, Change]]


class Picture:
    """Columns never get narrower, and a trial stays in its row."""

    def __init__(self) -> None:
        self.widths: dict[str, int] = defaultdict(int)
        self.rows: list[int | None] = []
        self.names: list[str] = []  # of parameters

    def lines(self, view: View, width: int, height: int) -> list[Text]:
        """None wider than `width`, and fewer than `height`: a line stays free for the cursor."""
        running = {trial.number: trial for trial in view.trials.in_state(TrialState.RUNNING)}
        top = [*_head(view, width), *_counts(view, width), _best(view)]
        if view.jobs is not None and n_left(view.trials):
            top.append(_workers(view.jobs, running))
        self._place(running)
        if height >= TALL:
            top = [Text(), *top, *([Text()] if running else [])]
        room = max(4, height - 1 - len(top))
        news = view.changes[-min(6, max(1, room // 3)) :] if view.changes else ()
        room -= len(news) + 1 if news else 0
        bottom = [_news(at, change) for at, change in news]
        table = self._table(view, running, width, room)
        lines = [*top, *table, *([Text()] if bottom else []), *bottom][: max(1, height - 1)]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines

    def _place(self, running: Mapping[int, FrozenTrial]) -> None:
        """The next trial takes the row of one that has ended."""
        self.rows = [number if number in running else None for number in self.rows]
        for number in sorted(running.keys() - set(self.rows)):
            if None in self.rows:
                self.rows[self.rows.index(None)] = number
            else:
                self.rows.append(number)
        while self.rows and self.rows[-1] is None:
            self.rows.pop()

    def _table(self, view: View, running: Mapping[int, FrozenTrial], width: int, height: int) -> list[Text]:
        if not self.rows:
            return []
        trials = [running.get(number) for number in self.rows]
        is_marked = self.widths[AGAIN] or any(map(_is_again, trials))
        again = [Text(f"{AGAIN}n: attempt n at the trial", style="dim")] if is_marked else []
        most = height - 1 - len(again)  # below the heading
        if len(trials) > most:
            again.insert(0, Text(f"and {len(trials) - most + 1} more", style="dim"))
            trials = trials[: most - 1]
        cells = [_cells(trial, view) if trial else {} for trial in trials]
        for row in cells:
            for name, cell in row.items():
                self.widths[name] = max(self.widths[name], len(name) if cell else 0, len(cell))
        columns, left = [], width
        for name in COLUMNS:
            if 0 < self.widths[name] <= left:
                columns.append(name)
                left -= self.widths[name] + len(GAP)
        params = self._params(trials, left)
        heading = GAP.join([*(name.rjust(self.widths[name]) for name in columns), params[0]])
        lines = [Text(heading.rstrip(), style="dim")]
        for row, of_params in zip(cells, params[1:], strict=True):
            own = [row.get(name, "").rjust(self.widths[name]) for name in columns]
            lines.append(Text(GAP.join([*own, of_params]).rstrip()))
        return [*lines, *again]

    def _params(self, trials: Sequence[FrozenTrial | None], width: int) -> list[str]:
        """The heading and the rows: a column each, as far as there is room."""
        each = [values(trial.params) if trial else None for trial in trials]
        self.names = list(dict.fromkeys([*self.names, *(name for one in each for name in one or ())]))
        lines = [""] * (1 + len(trials))
        for name, heading in zip(self.names, short_names(self.names), strict=True):
            column = [heading, *("" if one is None else shown(one.get(name, NONE)) for one in each)]
            key = f"parameter {name}"
            self.widths[key] = wide = max(self.widths[key], *map(cell_len, column))
            if cell_len(lines[0]) + wide + len(GAP) + (name != self.names[-1]) > width:
                lines[0] += "…"
                break
            lines = [f"{line}{_right(text, wide)}{GAP}" for line, text in zip(lines, column, strict=True)]
        return lines


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


def _head(view: View, width: int) -> list[Text]:
    n, ended = view.trials.n_trials, len(view.trials.ended)
    first, second = f"{ended}/{n}", clock(view.elapsed)
    if n_left(view.trials):
        second += " so far" if view.left is None else f" so far, {about(view.left)} left"
    room = width - len(view.name) - len(first) - 2 * len(GAP)
    is_long = room - len(second) - len(GAP) < BAR[0]
    bar = _bar(ended / max(1, n), min(BAR[1], room if is_long else room - len(second) - len(GAP)))
    head = Text.assemble((view.name, "bold"), GAP, *bar, GAP, first)
    return [head, Text(second)] if is_long else [head.append(f"{GAP}{second}")]


def _bar(share: float, width: int) -> list[tuple[str, str]]:
    full = int(share * max(0, width))
    return [("━" * full, "green"), ("─" * (width - full), "dim")]


def _counts(view: View, width: int) -> list[Text]:
    lines = [Text()]
    for part, style in counts_parts(view.trials.counts()):
        if lines[-1].cell_len + len(GAP) + len(part) > width:
            lines.append(Text())
        lines[-1].append(GAP if lines[-1] else "").append(part, style)
    return lines


def _best(view: View) -> Text:
    line = Text(view.best, style="bold")
    if view.best_trial:
        line.append(f"{GAP}{short_params(view.best_trial)}", "not bold")
    return line


def _workers(jobs: Mapping[str, Job], running: Mapping[int, FrozenTrial]) -> Text:
    """How many there are of which kind; of those that wait for their turn, why."""
    busy = {trial.user_attrs.get(WORKER) for trial in running.values()}
    kinds = Counter(_kind(job, worker in busy) for worker, job in jobs.items())
    said = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    return Text(f"{counted(len(jobs), 'worker')}: {said}" if said else "no worker", style="dim")


def _kind(job: Job, is_busy: bool) -> str:
    if job.state == JobState.QUEUED:
        _, bracket, reason = job.word.partition("(")
        return f"pending{bracket and ' '}{bracket}{reason}"
    if not job.alive:
        return "ended"
    return "busy" if is_busy else "starting or idle"


def _cells(trial: FrozenTrial, view: View) -> dict[str, str]:
    step, worker = trial.last_step, trial.user_attrs.get(WORKER) or ""
    of = f"/{view.n_steps}" if step is not None and step <= view.n_steps else ""
    return {
        "trial": str(trial.number),
        AGAIN: f"{AGAIN}{attempt_of(trial) + 1}" if _is_again(trial) else "",
        "step": "" if step is None else f"{step}{of}",
        "value": "" if step is None else f"{trial.intermediate_values[step]:.5g}",
        "for": clock(running_for(trial)),
        "worker": worker if len(worker) <= WORKER_MOST else f"…{worker[1 - WORKER_MOST :]}",
    }


def _is_again(trial: FrozenTrial | None) -> bool:
    return trial is not None and attempt_of(trial) > 0 and PROMOTED not in trial.user_attrs


def _news(at: str, change: Change) -> Text:
    return Text.assemble((f"{at}  ", "dim"), (change.text, change.style))
