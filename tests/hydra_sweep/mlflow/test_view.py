"""The tracker is a view: whatever becomes of it, the sweep goes on, and its end brings MLflow in line."""

import shutil
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from mlflow import MlflowClient
from omegaconf import read_write

from hydra_sweep.__main__ import main as by_hand
from hydra_sweep.errors import SweepError
from hydra_sweep.mlflow import tracker
from hydra_sweep.study.repeats import add_repeat
from hydra_sweep.study.storage import StudyAddress
from tests.hydra_sweep.mlflow.conftest import METRIC, TrackedSweep

NOBODY = "http://127.0.0.1:9"  # discard: nothing listens there


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(tracker, "PAUSE_S", 0.0)
    monkeypatch.setattr(tracker, "PAUSE_FACTOR", 0)


def store_of(sweep: TrackedSweep) -> Path:
    return Path(sweep.uri.removeprefix("sqlite:///"))


def delete_parent(sweep: TrackedSweep) -> None:
    sweep.client.delete_run(sweep.study.user_attrs["mlflow_parent_run_id"])


def delete_children(sweep: TrackedSweep) -> None:
    for run in sweep.runs()[1].values():
        sweep.client.delete_run(run.info.run_id)


def delete_experiment(sweep: TrackedSweep) -> None:
    sweep.client.delete_experiment(sweep.runs()[0].info.experiment_id)


def delete_store(sweep: TrackedSweep) -> None:
    shutil.rmtree(store_of(sweep).parent)


def delete_file(sweep: TrackedSweep) -> None:
    store_of(sweep).unlink()


def move_store(sweep: TrackedSweep) -> None:
    sweep.uri = f"sqlite:///{sweep.folder}/elsewhere.db"


LOSSES = [delete_parent, delete_children, delete_experiment, delete_store, delete_file]


@pytest.mark.parametrize("lose", [*LOSSES, move_store, lambda sweep: None])
def test_what_is_lost_between_two_commands_is_written_afresh(sweep, lose):
    sweep.prepare()
    sweep.train([0.1, 0.3])
    sweep.finish()
    lose(sweep)
    sweep.prepare()
    sweep.train([0.2, 0.4])
    assert "mlflow ui" in sweep.finish()[0]
    sweep.assert_in_line()


@pytest.mark.parametrize("lose", LOSSES)
def test_what_is_lost_while_a_trial_runs_costs_it_nothing(sweep, lose):
    sweep.prepare()
    sweep.train([0.1, 0.3])
    losses = iter([lambda: lose(sweep)])
    sweep.train([0.2, 0.4, 0.5], between=lambda: next(losses, lambda: None)())
    sweep.train([0.6])
    sweep.finish()
    sweep.assert_in_line()


@pytest.mark.parametrize("method", ["create_run", "log_batch", "set_terminated"])
def test_what_fails_in_the_midst_is_done_again(sweep, method, monkeypatch):
    sweep.prepare()
    whole, calls = getattr(MlflowClient, method), count()

    def fails(*args, **kwargs):
        n = next(calls)
        done = whole(*args, **kwargs) if n % 4 else None
        if n % 2 == 0:  # before or after it has done what it was asked for
            raise ConnectionError
        return done

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, method, fails)
        for value in (0.2, 0.5, 0.4):
            sweep.train([0.1, value])
            sweep.follow()
        sweep.finish()
    assert next(calls) > 3
    sweep.finish()
    sweep.assert_in_line()


def test_a_trial_that_goes_on_without_its_run_gets_another(sweep):
    sweep.prepare()
    trial, logger = sweep.ask(), sweep.logger()
    logger.log_metrics({"a": 1.0}, 1)
    first = sweep.shown(trial)
    sweep.client.delete_run(first.info.run_id)
    sweep.prepare()  # by the next command
    trial.set_user_attr("attempt", 1)
    sweep.logger().log_metrics({"a": 2.0}, 2)
    again = sweep.shown(trial)
    assert again.info.run_id != first.info.run_id
    assert sweep.curve(again, "a") == [1.0, 2.0]


def test_trials_that_were_never_logged_are_written_at_the_end(sweep):
    for values in ([0.1, 0.3], [0.2, 0.4]):
        trial = sweep.ask()
        for step, value in enumerate(values):
            trial.report(value, step)
        sweep.study.tell(trial, values[-1])
    sweep.prepare()
    sweep.finish()
    sweep.assert_in_line()
    before = sweep.client.search_runs([sweep.runs()[0].info.experiment_id])
    sweep.finish()  # changes nothing
    assert [run.data.metrics for run in before] == [
        run.data.metrics for run in sweep.client.search_runs(["1"])
    ]
    assert sweep.curve(sweep.runs()[0]) == [0.3, 0.4]


def test_the_best_keeps_the_constraints_and_what_breaks_one_says_so(sweep):
    def tell(value: float, latency: float) -> None:
        trial = sweep.ask()
        trial.report(value, 0)
        trial.set_constraint("latency", latency)
        sweep.study.tell(trial, value)

    for value in (0.9, 0.1):
        tell(value, 2)
    sweep.prepare()
    sweep.finish()
    assert "best_trial" not in sweep.runs()[0].data.tags
    for value in (0.4, 0.6):
        tell(value, -1)
    sweep.finish()
    sweep.assert_in_line()
    reasons = {number: run.data.tags.get("reason") for number, run in sweep.runs()[1].items()}
    assert reasons == {0: "breaks latency by 2", 1: "breaks latency by 2", 2: None, 3: None}


def test_what_a_person_changes(sweep):
    address = StudyAddress("by_hand", sweep.folder)
    sweep.study = address.create(["maximize"], {"n_trials": 3})
    sweep.prepare()
    for values in ([0.1, 0.3], [0.2, 0.9], [0.4]):
        sweep.train(values)
    sweep.finish()
    old = sweep.runs()[1]

    by_hand(["retry", str(sweep.folder), "0"])
    by_hand(["drop", str(sweep.folder), "1"])
    sweep.study = address.load()
    sweep.prepare()
    assert sweep.train([0.5, 0.6]).number == 0
    sweep.finish()
    parent, runs = sweep.runs()
    assert [sweep.curve(runs[number]) for number in (0, 1, 2)] == [[0.5, 0.6], [0.2, 0.9], [0.4]]
    assert [runs[number].info.status for number in (0, 1, 2)] == ["FINISHED", "FAILED", "FINISHED"]
    assert [runs[number].info.run_id == old[number].info.run_id for number in (0, 1, 2)] == [
        False,
        True,
        True,
    ]
    assert parent.data.tags["best_trial"] == "0"
    assert parent.data.metrics["val/recall:at:10"] == 0.6

    # once nothing is left to train
    by_hand(["drop", str(sweep.folder), "0", "2"])
    sweep.study, sweep.tracker = address.load(), tracker.Tracker()
    sweep.finish()
    parent, runs = sweep.runs()
    assert {run.info.status for run in runs.values()} == {"FAILED"}
    assert "best_trial" not in parent.data.tags


def out_of_date(sweep: TrackedSweep) -> str:
    with sqlite3.connect(store_of(sweep)) as store:
        store.execute("UPDATE alembic_version SET version_num = 'old'")
    return sweep.uri


def no_database(sweep: TrackedSweep) -> str:
    store_of(sweep).write_text("no database" * 100)
    return sweep.uri


def folder_in_its_place(sweep: TrackedSweep) -> str:
    store_of(sweep).unlink()
    store_of(sweep).mkdir()
    return sweep.uri


BROKEN: dict[str, Callable[[TrackedSweep], str]] = {
    "a schema of another MLflow": out_of_date,
    "no database": no_database,
    "a folder": folder_in_its_place,
    "refused": lambda _: NOBODY,
    "no such host": lambda _: "http://no-such-host.invalid",
    "no database server": lambda _: "postgresql://me:planted@127.0.0.1:9/mlflow",
    "a file store": lambda _: "./mlruns",
    "a folder that cannot be made": lambda _: "sqlite:////proc/none/mlflow.db",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_store_that_cannot_be_used_refuses_a_new_sweep_and_no_other(sweep, broken, capsys):
    sweep.uri = broken(sweep)
    with pytest.raises(SweepError, match=r"logger.mlflow.tracking_uri=.*: ~logger.mlflow$") as error:
        sweep.prepare()
    assert "\n" not in str(error.value)
    assert "planted" not in str(error.value)

    sweep.study.set_user_attr("begun", True)
    sweep.prepare()
    assert "The sweep goes on" in capsys.readouterr().out
    sweep.train([0.1, 0.3])
    assert sweep.finish() == []
    (told,) = sweep.told
    assert told.endswith("Trials go on; what is missing is sent later.")
    assert "planted" not in told + capsys.readouterr().out


def test_an_address_of_no_kind_is_a_mistake_whenever_it_is_made(sweep):
    sweep.prepare()
    sweep.uri = "htp://127.0.0.1:9"
    with pytest.raises(
        SweepError, match=r"htp://127.0.0.1:9: MLflow knows no such scheme. Valid: .*sqlite"
    ):
        sweep.prepare()


def test_each_repeat_has_a_curve_and_the_trial_the_mean_and_the_spread(sweep):
    sweep.prepare()
    trial = sweep.ask()
    known = sweep.study._storage.get_trial(trial._trial_id)
    for repeat, value in enumerate((0.1, 0.3), start=1):
        trial.repeat = repeat
        folder = sweep.folder / f"0/repeat_{repeat}"
        folder.mkdir()
        with read_write(sweep.cfg.hydra):
            sweep.cfg.hydra.runtime.output_dir = str(folder)
        logger = sweep.logger()
        logger.log_metrics({METRIC: 0.0}, step=1)
        logger.log_metrics({METRIC: value}, step=2)
        logger.finalize()
        known = add_repeat(sweep.study, known, [value])
    sweep.study.tell(trial, 0.2)
    sweep.finish()
    run = sweep.runs()[1][0]
    assert sweep.curve(run, "repeat_1/val/recall:at:10") == [0.0, 0.1]
    assert sweep.curve(run, "repeat_2/val/recall:at:10") == [0.0, 0.3]
    assert sweep.curve(run) == [0.1, 0.3, 0.2]
    assert run.data.metrics["val/recall:at:10_sd"] == pytest.approx(0.02**0.5)
