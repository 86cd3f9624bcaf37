import multiprocessing
import time
from types import SimpleNamespace
from unittest.mock import MagicMock

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


@pytest.mark.parametrize(
    ("left", "held", "slots", "goes"),
    [
        (9, {"me": 4, "other": 4}, 4, True),  # enough for both
        (4, {"me": 4, "other": 4}, 4, False),  # the other may be free first
        (4, {"me": 4, "other": 8}, 4, True),  # which has made its next ready
        (2, {"me": 4, "other": 6}, 4, False),
        (3, {"me": 4, "other": 6}, 4, True),
        (4, {"me": 8, "other": 4}, 4, False),  # what waits here is no help to the other
        (1, {"me": 1, "other": 3}, "auto", False),  # all three may run
        (0, {"me": 4, "other": 8}, 4, False),
    ],
)
def test_no_trial_is_made_ready_that_another_worker_might_miss(left, held, slots, goes):
    running = [SimpleNamespace(user_attrs={"worker": one}) for one, n in held.items() for _ in range(n)]
    trials = MagicMock(n_trials=100, in_state=lambda _: running)
    trials.__len__.return_value = 100 - left
    settings = SimpleNamespace(n_jobs=2, slots=slots, least_slots=1 if slots == "auto" else slots)
    job = SimpleNamespace(
        sweep=SimpleNamespace(settings=settings),
        trials=trials,
        id="me",
        rank=SimpleNamespace(alone=True),
        slots=SimpleNamespace(limit=4),
    )
    worker = Worker(job, job_time=None)
    assert not worker._is_to_go_ahead()  # none has shown to be short
    worker.seconds.append(0.1)
    assert worker._is_to_go_ahead() == goes
