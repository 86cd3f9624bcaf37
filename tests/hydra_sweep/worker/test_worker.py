import multiprocessing
import time
from collections import deque
from types import SimpleNamespace

import pytest

from hydra_sweep.worker import worker as module
from hydra_sweep.worker.worker import Worker


def test_a_worker_that_ends_of_an_error_leaves_no_trial_that_it_would_wait_for(monkeypatch):
    """multiprocessing joins the children of a process at its exit, and a trial may wait to be let in."""
    monkeypatch.setattr(module.queue, "put_back_strays", lambda *_: None)
    waiting = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    waiting.start()
    job = SimpleNamespace(
        sweep=SimpleNamespace(settings=SimpleNamespace(max_retries=3)), trials=None, id="1"
    )
    worker = Worker(job, job_time=None)
    worker.ahead.append(SimpleNamespace(process=waiting, claimed=SimpleNamespace(number=0)))
    monkeypatch.setattr(worker, "_start", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        worker.run()
    waiting.join(10)
    assert waiting.exitcode == -9


OTHERS = 7  # slots that other workers have


@pytest.mark.parametrize(
    ("case", "prepared", "pause"),
    [
        ({"seconds": [1.0]}, "a trial", 0),
        ({"seconds": [1.0], "left": OTHERS}, "a process", 0),  # others may miss what waits here
        ({"seconds": [1.0], "ahead": 1}, None, module.POLL_S),
        ({"seconds": [1.0], "left": OTHERS, "ahead": 1}, None, module.POLL_S),
        ({"seconds": [1.0], "left": OTHERS, "spares": 1}, None, module.POLL_S),
        ({"seconds": [1.0], "spares": 1}, "a trial", 0),
        ({"running_for": 0.2}, "a process", 0),  # how long trials take is not known yet
        ({"running_for": 2.0, "spares": 1}, "none is kept", module.POLL_S),
        ({"seconds": [9.0], "spares": 1}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "left": 0, "spares": 1}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "has_time": False}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "stopped": True}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "alone": False}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "share": 1}, "none is kept", module.POLL_S),
        ({"seconds": [1.0], "quiet": 0.2}, None, 0.2),  # others begin beside it
    ],
    ids=str,
)
def test_what_is_prepared_while_a_trial_runs(monkeypatch, case, prepared, pause):
    case = {"left": 50, "ahead": 0, "spares": 0, "running_for": 0.5, "seconds": [], "share": None, **case}
    settings = SimpleNamespace(trials_per_job=case["share"], n_jobs=OTHERS + 1, least_slots=1)
    trials = type("Trials", (), {"n_trials": 100, "__len__": lambda _: 100 - case["left"]})()
    job = SimpleNamespace(
        sweep=SimpleNamespace(settings=settings),
        rank=SimpleNamespace(alone=case.get("alone", True)),
        stop=SimpleNamespace(told=case.get("stopped", False)),
        slots=SimpleNamespace(limit=1),
        trials=trials,
        too_many_failed=lambda: False,
    )
    worker = Worker(job, SimpleNamespace(is_left_for_another=lambda _: case.get("has_time", True)))
    monkeypatch.setattr(module.queue, "any_left", lambda trials: len(trials) < trials.n_trials)
    now, done = time.monotonic(), []
    worker.started, worker.seconds = 1, deque(case["seconds"])
    worker.ahead = [None] * case["ahead"]
    worker.let_in_at = {None: now - case["running_for"]}
    worker.quiet_until = now + case.get("quiet", -1)
    worker.spares.waiting = [None] * case["spares"]
    monkeypatch.setattr(worker, "_claim", lambda: done.append("a trial"))
    monkeypatch.setattr(worker.spares, "add", lambda: done.append("a process"))
    monkeypatch.setattr(worker.spares, "drop", lambda: done.append("none is kept"))
    assert worker._pause() == pytest.approx(pause, abs=0.1)
    worker._prepare()
    assert done == ([prepared] if prepared else [])
