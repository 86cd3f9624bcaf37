"""What is drawn in a terminal, and how often."""

from datetime import timedelta
from io import StringIO

import optuna
import pytest
from rich.console import Console

from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.report import progress as module
from hydra_sweep.report.progress import Progress, Shown
from hydra_sweep.study.trials import Trials

JOBS = {"a": Job(JobState.RUNNING)}


class Terminal:
    """A sweep of a hundred trials that is looked at ten times a second."""

    def __init__(self, monkeypatch, directions=("minimize",), **options) -> None:
        self.file, self.now = StringIO(), 1000.0
        self.console = Console(file=self.file, width=100, height=30, **options)
        monkeypatch.setattr(module, "console", lambda: self.console)
        monkeypatch.setattr(module, "say", self.console.print)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.study = optuna.create_study(directions=directions)
        self.trials = Trials(self.study, 100)
        metrics = [f"metric{i}" for i in range(len(directions))]
        self.progress = Progress(Shown("mysweep", metrics, slots=1, begun=0.0), self.trials)

    def look(self) -> None:
        self.trials.read()
        self.progress.update(JOBS)
        self.now += 0.1

    def add(self, *values: float) -> None:
        self.study.add_trial(optuna.create_trial(values=values))


def test_it_is_drawn_twice_a_second_and_once_more_at_the_end(monkeypatch):
    terminal = Terminal(monkeypatch, force_terminal=True)
    with terminal.progress:
        for _ in range(10):
            terminal.look()
        assert terminal.file.getvalue().count("mysweep") == 2
        terminal.add(0.5)
        terminal.look()
        terminal.add(0.25)
        terminal.look()
    assert "best metric0 0.25, trial 1" in terminal.file.getvalue()
    assert "trial 1 done 0.25" in terminal.file.getvalue()


def test_no_time_is_left_where_nobody_works(monkeypatch):
    terminal = Terminal(monkeypatch, force_terminal=True)
    trial = optuna.create_trial(value=0.5)
    trial.datetime_start -= timedelta(seconds=10)
    terminal.study.add_trial(trial)
    terminal.trials.read()
    for jobs, said in ((JOBS, True), ({}, False), ({"a": Job(JobState.ENDED)}, False), (None, True)):
        lines = [line.plain for line in terminal.progress.now(jobs).renderables]
        assert any(line.endswith("so far, about 16 min left") for line in lines) == said


def test_a_terminal_that_became_narrower_is_cleared(monkeypatch):
    terminal = Terminal(monkeypatch, force_terminal=True)
    clear = "\x1b[2J"
    with terminal.progress:
        for width, cleared in ((100, 0), (120, 0), (60, 1), (60, 1)):
            terminal.console.width = width
            terminal.look()
            terminal.now += 1
            assert terminal.file.getvalue().count(clear) == cleared


@pytest.mark.parametrize("terminal", [{"force_terminal": False}, {"force_terminal": True, "dumb": True}])
def test_elsewhere_there_are_lines(monkeypatch, terminal):
    if terminal.pop("dumb", False):
        monkeypatch.setenv("TERM", "dumb")
    seen = Terminal(monkeypatch, **terminal)
    with seen.progress:
        seen.look()
        seen.add(0.5)
        seen.look()
        seen.look()
    assert "mysweep" not in seen.file.getvalue()
    assert seen.file.getvalue().count("trial 0 done 0.5") == 1
    assert "\x1b" not in seen.file.getvalue()


def test_of_several_objectives_the_front_and_its_ends_are_told(monkeypatch):
    terminal = Terminal(monkeypatch, directions=("minimize", "maximize"), force_terminal=True)
    assert terminal.progress.best_line() == "no best yet"
    for values in ((1.0, 5.0), (0.5, 2.0), (2.0, 1.0), (3.0, 9.0)):
        terminal.add(*values)
    with terminal.progress:
        terminal.look()
    line = "Pareto front of 3: metric0 0.5 (trial 1), metric1 9 (trial 3)"
    assert terminal.progress.best_line() == line
    assert line in terminal.file.getvalue()
