import multiprocessing
import time
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
