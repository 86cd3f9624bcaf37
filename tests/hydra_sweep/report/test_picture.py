"""The picture of a sweep at several sizes of the terminal."""

from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.report import time_left
from hydra_sweep.report.changes import Change
from hydra_sweep.report.picture import Picture, View
from hydra_sweep.study.trials import Trials

SPACE = {
    "model.optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
    **{f"model.net.lin{i}_size": CategoricalDistribution([64, 256]) for i in (1, 2, 3)},
    "data.batch_size": CategoricalDistribution([32, 128]),
}
PARAMS = dict(zip(SPACE, (0.00123456, 64, 256, 64, 128), strict=True))
NOW = datetime.now()
BUSY = Job(JobState.RUNNING, "RUNNING")


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch):
    monkeypatch.setattr(time_left.time, "time", NOW.timestamp)


def trial(state: TrialState, worker: str | None = None, steps: int = 0, attempt: int = 0) -> FrozenTrial:
    ended = state == TrialState.COMPLETE
    made = optuna.create_trial(
        state=state,
        params=PARAMS,
        distributions=SPACE,
        value=0.98765 if ended else None,
        intermediate_values={step: 0.9 + step / 1000 for step in range(1, steps + 1)},
        user_attrs={"worker": worker, "attempt": attempt},
    )
    made.datetime_start = NOW - timedelta(seconds=75)
    return made


def filled(n_running: int, workers: list[str], first: int) -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    for _ in range(first):
        study.add_trial(trial(TrialState.COMPLETE, steps=8))
    for i in range(n_running):
        study.add_trial(trial(TrialState.RUNNING, workers[i], steps=i % 8, attempt=int(i == 1)))
    return study


@cache
def many() -> optuna.Study:
    return filled(1000, [f"4711_{i}" for i in range(1000)], 7)


def view(n_running: int = 3, n_workers: int = 3, first: int = 7, **changed) -> View:
    workers = [f"4711_{i}" for i in range(n_workers)]
    study = many() if n_running == 1000 else filled(n_running, workers, first)
    trials = Trials(study, 2000).read()
    made = SimpleNamespace(
        name="mnist_optuna",
        trials=trials,
        jobs=dict.fromkeys(workers, BUSY),
        best="best val/acc_best 0.98765, trial 0",
        best_trial=trials.ended[0] if trials.ended else None,
        elapsed=200.0,
        left=700.0,
        n_steps=8,
        changes=[("11:22:33", Change(f"trial {i} done 0.98765 in 1:10")) for i in range(9)],
    )
    return View(**{**vars(made), **changed})


def texts(view: View, width: int, height: int = 40, picture: Picture | None = None) -> list[str]:
    lines = (picture or Picture()).lines(view, width, height)
    assert all(line.cell_len <= width for line in lines)
    assert len(lines) < height
    return [line.plain for line in lines]


WHOLE = "0.001235         64        256         64         128"
# what is there at each width, and nothing else that is not; each in a line
PARTS = {
    40: [
        "mnist_optuna",
        "3:20 so far, about 12 min left",
        "7/2000",
        "trial   ↻  step  value   for  worker",
        "    8  ↻2   1/8  0.901  1:15  4711_1",
        "↻n: attempt n at the trial",
    ],
    80: [
        "12 min left",
        "1990 queued  3 running  7 done  0 pruned  0 failed",
        "best val/acc_best 0.98765, trial 0  lr=0.001235",
        "trial   ↻  step  value   for  worker        lr  lin1_size  lin2_size  …",
        "    8  ↻2   1/8  0.901  1:15  4711_1  0.001235         64        256",
    ],
    160: [
        "3:20 so far, about 12 min left",
        "    9       2/8  0.902  1:15  4711_2  " + WHOLE,
        "worker        lr  lin1_size  lin2_size  lin3_size  batch_size",
        "lin3_size=64  batch_size=128",
        "3 workers: 3 busy",
        "11:22:33  trial 8 done 0.98765 in 1:10",
    ],
}


@pytest.mark.parametrize("width", PARTS)
def test_the_important_is_seen_at_any_width(width):
    lines = texts(view(), width)
    for part in PARTS[width]:
        assert any(part in line for line in lines), (part, lines)


@pytest.mark.parametrize("width", [10, 20, 40, 200])
@pytest.mark.parametrize("height", [12, 24, 300])
@pytest.mark.parametrize(("n_running", "n_workers"), [(0, 0), (0, 2), (1, 1), (1000, 1001)])
def test_it_fits(width, height, n_running, n_workers):
    lines = texts(view(n_running, n_workers), width, height)
    if n_running == 1000 and width >= 40:
        rows = [line for line in lines if "  1:1" in line]
        (more,) = [line for line in lines if line.startswith("and ")]
        assert more == f"and {1000 - len(rows)} more"
        assert len(rows) >= height // 4 or height == 12


def test_nothing_jumps_as_trials_come_and_go():
    picture = Picture()
    before = texts(view(3), 100, picture=picture)
    after = view(3)
    storage = after.trials.study._storage
    storage.set_trial_state_values(after.trials.open[7]._trial_id, TrialState.COMPLETE, [0.5])
    after.trials.study.add_trial(trial(TrialState.RUNNING, "4711_0", steps=7))
    after.trials.read()
    lines = texts(after, 100, picture=picture)
    row = next(i for i, line in enumerate(before) if line.startswith("    7  "))
    assert "    9 " in before[row + 2]
    assert lines[row].startswith("   10  ")
    assert [line[:35] for line in lines[row + 1 : row + 3]] == [
        line[:35] for line in before[row + 1 : row + 3]
    ]
    assert lines[row - 1] == before[row - 1]


def test_workers_without_a_trial_are_counted_with_the_reason():
    jobs = {
        "1": BUSY,
        **{f"2_{i}": Job(JobState.QUEUED, "PENDING (Priority)") for i in range(12)},
        "3": Job(JobState.ENDED, "NODE_FAIL"),
    }
    lines = texts(view(0, jobs=jobs, left=None, best="no best yet", best_trial=None), 80)
    assert "14 workers: 12 pending (Priority), 1 starting or idle, 1 ended" in lines
    assert "no best yet" in lines
    assert not any("left" in line for line in lines)
