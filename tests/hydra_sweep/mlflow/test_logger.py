import math
import time
from collections.abc import Callable

import mlflow
import pytest
import torch

from hydra_sweep.mlflow import logger as mlflow_logger
from hydra_sweep.mlflow.logger import MLFlowLogger
from hydra_sweep.mlflow.store import PARENT_RUN, TRIAL_RUN


def test_what_is_done_again_is_not_logged_again(sweep):
    points = [
        ("epoch", 0, 0),
        ("val/recall@10", 0.5, 0),
        ("epoch", 0, 0),
        ("epoch", 1, 9),
        ("val/recall@10", 0.25, 9),
    ]
    sweep.ask()
    first = sweep.logger(prefix="a")
    for key, value, step in points[:2]:
        first.log_metrics({key: value}, step)
    first.finalize("failed")
    again = sweep.logger(prefix="a")
    assert again.run_id == first.run_id
    for key, value, step in points:
        again.log_metrics({key: value}, step)
    for name, shown in (("epoch", "a-epoch"), ("val/recall@10", "a-val/recall:at:10")):
        history = sweep.client.get_metric_history(again.run_id, shown)
        expected = [(value, step) for key, value, step in points if key == name]
        assert [(point.value, point.step) for point in history] == expected


def test_a_run_that_the_study_was_not_told_of_is_found_again(sweep):
    sweep.study.set_user_attr(PARENT_RUN, "parent")
    trial, first = sweep.ask(), sweep.logger()
    assert trial.user_attrs[TRIAL_RUN] == first.run_id
    trial.set_user_attr(TRIAL_RUN, None)  # killed before it could say
    trial.set_user_attr("attempt", 1)
    assert sweep.logger().run_id == first.run_id
    assert len(sweep.client.search_runs([first.experiment_id])) == 1


def test_two_metrics_stay_two(sweep):
    names = [
        "val/recall@10",
        "val/recall10",
        "VAL/RECALL10",
        "a//b",
        "a/b",
        "loss%",
        "loss",
        "größe",
        "🙂",
        "",
    ]
    trial, logger = sweep.ask(), sweep.logger()
    logger.log_metrics({name: float(i) for i, name in enumerate(names)}, 0)
    shown = sweep.client.get_run(logger.run_id).data.metrics
    assert sorted(shown.values()) == list(range(len(names)))
    assert not trial.user_attrs.keys() - {TRIAL_RUN}


def test_any_values_are_logged(sweep, caplog):
    sweep.ask()
    logger = sweep.logger(tags={"a@b": None, "list": [1, "x"], "long": "x" * 9000, "two\nlines": "a\nb"})
    many = {f"class {i}": i for i in range(2100)}
    logger.log_metrics(
        {**many, "nan": math.nan, "inf": math.inf, "bool": True, "tensor": torch.tensor(2.0)}
    )
    logger.log_metrics({"text": "no number"})
    hparams = {
        "none": None,
        "list": [1, {"a": 2}],
        "long": "x" * 7000,
        "model": {f"p{i}@": i for i in range(250)},
    }
    logger.log_hyperparams(hparams)
    data = sweep.client.get_run(logger.run_id).data
    assert len(data.metrics) == 2104
    assert math.isnan(data.metrics["nan"])
    assert (data.metrics["bool"], data.metrics["tensor"]) == (1.0, 2.0)
    assert data.params["none"] == "None"
    assert data.params["list"] == "[1, {'a': 2}]"
    assert data.params["long"] == "x" * 6000
    assert data.params["model/p249:at:"] == "249"
    assert data.tags["a:at:b"] == "None"
    assert data.tags["two:ua:lines"] == "a\nb"
    assert "Training goes on" not in caplog.text


def test_searched_parameters_have_the_names_of_their_overrides(sweep):
    trial, logger = sweep.ask(), sweep.logger()
    logger.log_hyperparams({"trainer": {"clip": 0.5}})
    params = sweep.client.get_run(logger.run_id).data.params
    assert params == {
        ":plus:trainer.clip": str(trial.params["+trainer.clip"]),
        "common/callbacks:at:callbacks": trial.params["common/callbacks@callbacks"],
        "trainer/clip": "0.5",
    }


def test_a_parameter_that_changes_when_a_trial_goes_on_stays_as_it_was(sweep, caplog):
    sweep.ask()
    sweep.logger().log_hyperparams({"max_epochs": 5, "ckpt_path": None})
    again = sweep.logger()
    again.log_hyperparams({"max_epochs": 9, "ckpt_path": "last.ckpt", "new": 1})
    params = sweep.client.get_run(again.run_id).data.params
    assert (params["max_epochs"], params["ckpt_path"], params["new"]) == ("5", "None", "1")
    assert not caplog.records


def test_a_relative_store_is_one_for_all_trials(sweep, tmp_path, monkeypatch):
    sweep.ask()
    (tmp_path / "0").mkdir()
    monkeypatch.chdir(tmp_path / "0")
    logger = MLFlowLogger("sqlite:///mlflow.db", experiment_name=2026)
    assert logger.run_id
    assert (tmp_path / "mlflow.db").is_file()
    assert mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").get_experiment_by_name("2026")


class Outage:
    """Of a sweep's store, from `begin` to `end`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.calls = monkeypatch, 0

    def begin(self) -> None:
        self.monkeypatch.setattr(mlflow.MlflowClient, "log_batch", self._fail)
        self.monkeypatch.setattr(mlflow.MlflowClient, "log_text", self._fail)

    def _fail(self, *args: object, **kwargs: object) -> None:
        self.calls += 1
        raise mlflow.MlflowException("silence")

    def end(self) -> None:
        self.monkeypatch.undo()


@pytest.fixture
def outage() -> Outage:
    return Outage(pytest.MonkeyPatch())


def test_an_outage_is_told_once_and_made_up_for(sweep, outage, caplog):
    sweep.ask()
    logger = sweep.logger()
    logger.log_metrics({"a": 0.0}, 0)
    outage.begin()
    for i in range(1, 50):
        logger.log_metrics({"a": float(i)}, i)
        logger.experiment.log_text(logger.run_id, "text", "a.txt")
    assert outage.calls == 1  # the next try is a minute away
    (told,) = (record.message for record in caplog.records if "goes on" in record.message)
    assert told.startswith(f"MLflow at {sweep.uri}: MlflowException: silence. Training goes on")
    outage.end()
    logger.finalize()
    assert [point.value for point in sweep.client.get_metric_history(logger.run_id, "a")] == list(range(50))
    assert sweep.client.get_run(logger.run_id).info.status == "FINISHED"


def test_a_server_that_is_slow_to_fail_is_asked_less_often(sweep, monkeypatch):
    sweep.ask()
    logger, clock = sweep.logger(), iter([0.0, 20.0, 199.0, 221.0, 221.0])
    monkeypatch.setattr(mlflow_logger.time, "monotonic", lambda: next(clock))
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise mlflow.MlflowException("silence")

    logger._guarded(fail)
    logger._guarded(fail)
    assert len(calls) == 1
    logger._guarded(fail)
    assert len(calls) == 2


def test_a_mistake_of_who_calls_the_client_is_raised(sweep):
    sweep.ask()
    with pytest.raises(TypeError):
        sweep.logger().experiment.log_text()


def test_a_plain_run_is_refused_at_its_start_but_not_ended_later(sweep, outage, monkeypatch):
    monkeypatch.setattr(mlflow_logger, "current_trial", lambda: None)
    begun = time.monotonic()
    with pytest.raises(mlflow.MlflowException, match="refused"):
        MLFlowLogger("http://127.0.0.1:9").log_hyperparams({"a": 1})
    assert time.monotonic() - begun < 10
    logger: Callable[..., MLFlowLogger] = sweep.logger(run_name="plain", tags={"a@b": 1})
    logger.log_hyperparams({"a": 1})
    outage.begin()
    logger.log_metrics({"a": 1.0}, 1)
    outage.end()
    logger.finalize()
    run = sweep.client.get_run(logger.run_id)
    assert (run.info.run_name, run.info.status, run.data.metrics) == ("plain", "FINISHED", {"a": 1.0})
    assert run.data.tags["a:at:b"] == "1"
