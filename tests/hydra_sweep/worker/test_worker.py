import multiprocessing
import time
from collections import deque
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from hydra_sweep.worker import worker as module
from hydra_sweep.worker.process import TrialProcess
from hydra_sweep.worker.worker import POLL_S, Worker


def test_a_worker_that_ends_of_an_error_leaves_no_trial_that_it_would_wait_for(monkeypatch):
    """multiprocessing joins the children of a process at its exit, and a trial may wait to be let in."""
    monkeypatch.setattr(module.queue, "put_back_strays", lambda *_: None)
    context = multiprocessing.get_context("fork")
    waiting, spare = (context.Process(target=time.sleep, args=(60,)) for _ in range(2))
    waiting.start()
    spare.start()
    job = SimpleNamespace(
        sweep=SimpleNamespace(settings=SimpleNamespace(max_retries=3)), trials=None, id="1"
    )
    worker = Worker(job, job_time=None)
    worker.ahead.append(SimpleNamespace(process=waiting, claimed=SimpleNamespace(number=0)))
    worker.spares.waiting = [TrialProcess(spare, *context.Pipe())]
    monkeypatch.setattr(worker, "_start", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        worker.run()
    waiting.join(10)
    assert waiting.exitcode == spare.exitcode == -9


OTHERS = 7  # slots that other workers have
TRIAL, PROCESS = "a trial", "a process"


@pytest.mark.parametrize(
    ("case", "prepared", "pause"),
    [
        ({"seconds": [1.0]}, [TRIAL], 0),
        ({"seconds": [1.0], "left": 0, "waiting": 50}, [TRIAL], 0),  # of a grid
        ({"seconds": [1.0], "left": OTHERS}, [PROCESS], 0),  # others may miss what waits here
        ({"seconds": [1.0], "left": 8, "left_when_read": OTHERS}, [PROCESS], 0),
        ({"seconds": [1.0], "ahead": 1}, [], POLL_S),
        ({"seconds": [1.0], "left": OTHERS, "ahead": 1}, [], POLL_S),
        ({"seconds": [1.0], "left": OTHERS, "spares": 1}, [], POLL_S),
        ({"seconds": [1.0], "left": 1, "slots": 4}, [PROCESS], 0),
        ({"seconds": [1.0], "left": 1, "slots": 4, "spares": 1}, [], POLL_S),
        ({"seconds": [1.0], "spares": 1}, [TRIAL], 0),
        ({"running_for": 0.2}, [PROCESS], 0),  # how long trials take is not known yet
        ({"running_for": 2.0}, [], POLL_S),
        ({"seconds": [9.0]}, [], POLL_S),
        ({"seconds": [1.0], "left": 0}, [], POLL_S),
        ({"seconds": [1.0], "has_time": False}, [], POLL_S),
        ({"seconds": [1.0], "stopped": True}, [], POLL_S),
        ({"seconds": [1.0], "alone": False}, [], POLL_S),
        ({"seconds": [1.0], "share": 1}, [], POLL_S),
        ({"seconds": [1.0], "left": OTHERS, "slots": 4, "spares": 1, "share": 2}, [], POLL_S),
        ({"seconds": [1.0], "quiet": 0.2}, [], 0.2),  # others begin beside it
        ({"seconds": [1.0], "failed": True}, [], 0),  # which is known once it is read
    ],
    ids=str,
)
def test_what_is_made_ready_while_a_trial_runs(monkeypatch, case, prepared, pause):
    usual = {
        "left": 50,
        "waiting": 0,
        "ahead": 0,
        "spares": 0,
        "running_for": 0.5,
        "seconds": [],
        "slots": 1,
    }
    case = {**usual, "slots": 1, **case}
    left, now, done = [case["left"]], time.monotonic(), []

    class Trials:
        n_trials = 100

        def __len__(self) -> int:
            return 100 - left[0]

        open = dict.fromkeys(
            range(case["waiting"]), SimpleNamespace(state=TrialState.WAITING, user_attrs={})
        )

    def too_many_failed() -> bool:  # which reads them
        left[0] = case.get("left_when_read", left[0])
        return case.get("failed", False)

    job = SimpleNamespace(
        sweep=SimpleNamespace(
            settings=SimpleNamespace(trials_per_job=case.get("share"), n_jobs=OTHERS + 1, least_slots=1)
        ),
        rank=SimpleNamespace(alone=case.get("alone", True)),
        stop=SimpleNamespace(told=case.get("stopped", False)),
        slots=SimpleNamespace(limit=case["slots"], look=lambda _: None),
        trials=Trials(),
        too_many_failed=too_many_failed,
    )
    worker = Worker(job, SimpleNamespace(is_left_for_another=lambda _: case.get("has_time", True)))
    worker.started, worker.seconds = 1, deque(case["seconds"])
    worker.ahead = [None] * case["ahead"]
    worker.let_in_at = {None: now - case["running_for"]}
    worker.quiet_until = now + case.get("quiet", -1)
    worker.spares.waiting = [None] * case["spares"]
    monkeypatch.setattr(worker, "_claim", lambda: not done.append(TRIAL))
    monkeypatch.setattr(worker.spares, "add", lambda: not done.append(PROCESS))
    assert worker._pause() == pytest.approx(pause, abs=0.1)
    if not pause:
        worker._prepare()
        assert done == prepared
        # where nothing can be done, not asked again at once
        assert prepared or worker._pause() == pytest.approx(POLL_S, abs=0.1)
