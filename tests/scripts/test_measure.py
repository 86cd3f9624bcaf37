import os
import sys
import time
from pathlib import Path

import pytest

from scripts.peers import measure as module
from scripts.peers.environments import PeerError
from scripts.peers.measure import measure
from tests.processes import lives

TWO_TRIALS = """
import os, time
from scripts.peers import events
if os.fork():
    events.begin(); time.sleep(0.2); events.epoch(1, 0.5, 10); os.wait()
    events.begin(); events.epoch(1, 0.7, 10); events.epoch(2, 0.6, 20)
else:
    events.begin(); events.epoch(1, 0.8, 10); time.sleep(0.2); events.epoch(2, 0.4, 20)
"""
SLEEPER = """
import os, time
print("asleep", flush=True)
if not os.fork():
    os.setsid()
    open("child", "w").write(str(os.getpid()))
time.sleep(60)
"""


def run(code: str, folder: Path):
    return measure([sys.executable, "-c", code], dict(os.environ), folder)


def test_figures_of_trials_in_several_processes(tmp_path):
    figures = run(TWO_TRIALS, tmp_path)
    assert (figures.trials, figures.epochs, figures.batches) == (3, 5, 50)
    assert figures.ended == {1: 1, 2: 2}
    assert figures.best == 0.8
    assert 0.2 < figures.before + 0.2 + figures.after <= figures.wall
    assert 1 < figures.at_once <= 2


def test_a_failure_says_its_last_words(tmp_path):
    with pytest.raises(PeerError, match="ended with 1: ValueError: no such thing"):
        run("raise ValueError('no such thing')", tmp_path)
    with pytest.raises(PeerError, match="no trial was begun: done"):
        run("print('done')", tmp_path)


def test_nothing_outlives_the_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    with pytest.raises(PeerError, match=r"killed after 0\.5 s: asleep"):
        run(SLEEPER, tmp_path)
    child = int((tmp_path / "child").read_text())
    while lives(child):
        time.sleep(0.01)
