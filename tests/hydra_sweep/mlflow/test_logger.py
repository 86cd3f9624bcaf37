import math
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
import torch

from hydra_sweep.mlflow import logger as mlflow_logger
from hydra_sweep.mlflow import runs, tracker
from hydra_sweep.mlflow.address import TRIAL_RUN
from hydra_sweep.mlflow.logger import MLFlowLogger
from hydra_sweep.mlflow.trial_log import FILE


def test_what_is_done_again_is_not_logged_again(sweep):
    points = [
        ("epoch", 0, 0),
        ("val/recall@10", 0.5, 0),
        ("epoch", 0, 0),
        ("epoch", 1, 9),
        ("val/recall@10", 0.25, 9),
    ]
    trial = sweep.ask()
    first = sweep.logger(prefix="a")
    for key, value, step in points[:2]:
        first.log_metrics({key: value}, step)
    before = sweep.shown(trial)
    again = sweep.logger(prefix="a")
    for key, value, step in points:
        again.log_metrics({key: value}, step)
    run = sweep.shown(trial)
    assert run.info.run_id == before.info.run_id == again.run_id
    for name, shown in (("epoch", "a-epoch"), ("val/recall@10", "a-val/recall:at:10")):
        history = sweep.client.get_metric_history(run.info.run_id, shown)
        expected = [(value, step) for key, value, step in points if key == name]
        assert [(point.value, point.step) for point in history] == expected


def test_a_trial_imports_and_asks_nothing_of_mlflow(sweep, monkeypatch):
    trial = sweep.ask()
    monkeypatch.setattr(mlflow, "MlflowClient", None)
    monkeypatch.setattr(mlflow_logger.MLFlowLogger, "_open", None)
    logger = sweep.logger(tags={"a": 1})
    assert logger.experiment is not None  # as Lightning asks for it at the start of a training
    logger.log_hyperparams({"a": 1})
    logger.log_metrics({"a": 1.0}, 1)
    logger.finalize()
    monkeypatch.undo()
    data = sweep.shown(trial).data
    assert (data.params["a"], data.metrics["a"], data.tags["a"]) == ("1", 1.0, "1")


def test_what_a_killed_attempt_wrote_half_of_a_line_is_logged_by_the_next(sweep):
    trial = sweep.ask()
    sweep.logger().log_metrics({"a": 1.0}, 1)
    file = sweep.folder / str(trial.number) / FILE
    file.write_bytes(file.read_bytes() + b'{"metrics": {"a": 2')
    assert sweep.curve(sweep.shown(trial), "a") == [1.0]
    again = sweep.logger()
    for step in range(4):
        again.log_metrics({"a": float(step)}, step)
    assert sweep.curve(sweep.shown(trial), "a") == [0.0, 1.0, 2.0, 3.0]


def test_a_new_tracker_sends_nothing_again(sweep):
    sweep.prepare()
    trial, logger = sweep.ask(), sweep.logger()
    for step in range(4):
        logger.log_metrics({"a": float(step), "epoch": 0.0}, step)
        sweep.prepare()
        run = sweep.shown(trial)
    assert sweep.curve(run, "a") == [0.0, 1.0, 2.0, 3.0]
    assert len(sweep.curve(run, "epoch")) == 4
    assert len(sweep.runs()[1]) == 1


def test_who_needs_the_run_gets_the_one_that_the_tracker_makes(sweep, monkeypatch):
    sweep.prepare()
    trial, logger = sweep.ask(), sweep.logger()
    monkeypatch.setattr(runs.time, "sleep", lambda _: sweep.follow())
    logger.experiment.log_text(logger.run_id, "text", "a.txt")
    assert logger.run_id == sweep.shown(trial).info.run_id
    assert [file.path for file in sweep.client.list_artifacts(logger.run_id)] == ["a.txt"]
    assert len(sweep.runs()[1]) == 1


def test_where_nobody_makes_a_run_the_trial_does(sweep, monkeypatch):
    sweep.prepare()
    trial, logger = sweep.ask(), sweep.logger()
    monkeypatch.setattr(runs, "PATIENCE_S", 0.0)
    first = logger.run_id
    trial.set_user_attr(TRIAL_RUN, None)  # killed before it could say
    assert sweep.logger().run_id == first == sweep.shown(trial).info.run_id
    assert len(sweep.runs()[1]) == 1


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
    assert sorted(sweep.shown(trial).data.metrics.values()) == list(range(len(names)))
    assert not trial.user_attrs.keys() - {TRIAL_RUN}


def test_any_values_are_logged(sweep, caplog):
    trial = sweep.ask()
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
    data = sweep.shown(trial).data
    assert len(data.metrics) == 2104
    assert math.isnan(data.metrics["nan"])
    assert (data.metrics["bool"], data.metrics["tensor"]) == (1.0, 2.0)
    assert data.params["none"] == "None"
    assert data.params["list"] == "[1, {'a': 2}]"
    run = sweep.runs()[1][0].info.run_id
    for kind, values, whole, longest in (
        ("params", data.params, "x" * 7000, 6000),
        ("tags", data.tags, "x" * 9000, 8000),
    ):
        assert len(values["long"]) == longest
        assert values["long"].endswith(f"xx… (whole: {kind}/long.txt)")
        assert Path(sweep.client.download_artifacts(run, f"{kind}/long.txt")).read_text() == whole
    assert data.params["model/p249:at:"] == "249"
    assert data.tags["a:at:b"] == "None"
    assert data.tags["two:ua:lines"] == "a\nb"
    assert "Training goes on" not in caplog.text


def test_searched_parameters_have_the_names_of_their_overrides(sweep):
    trial, logger = sweep.ask(), sweep.logger()
    logger.log_hyperparams({"trainer": {"clip": 0.5}})
    assert sweep.shown(trial).data.params == {
        ":plus:trainer.clip": str(trial.params["+trainer.clip"]),
        "common/callbacks:at:callbacks": trial.params["common/callbacks@callbacks"],
        "trainer/clip": "0.5",
    }


def test_a_parameter_that_changes_when_a_trial_goes_on_stays_as_it_was(sweep, caplog):
    trial = sweep.ask()
    sweep.logger().log_hyperparams({"max_epochs": 5, "ckpt_path": None})
    again = sweep.logger()
    again.log_hyperparams({"max_epochs": 9, "ckpt_path": "last.ckpt", "new": 1})
    params = sweep.shown(trial).data.params
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


def test_an_outage_is_told_once_and_made_up_for(sweep, outage):
    sweep.prepare()
    trial, logger = sweep.ask(), sweep.logger()
    logger.log_metrics({"a": 0.0}, 0)
    sweep.shown(trial)
    outage.begin()
    told = []
    for i in range(1, 50):
        logger.log_metrics({"a": float(i)}, i)
        told.append(sweep.follow())
    assert outage.calls == 1  # the next try is a minute away
    expected = f"logger.mlflow.tracking_uri={sweep.uri}: MlflowException: silence. Trials go on"
    assert told[0].startswith(expected)
    assert not any(told[1:])
    outage.end()
    sweep.finish()
    assert sweep.curve(sweep.runs()[1][trial.number], "a") == list(range(50))


def test_a_server_that_is_slow_to_fail_is_asked_less_often(sweep, monkeypatch):
    sweep.prepare()
    clock = iter([0.0, 20.0, 20.0, 199.0, 221.0, 221.0, 221.0])
    monkeypatch.setattr(tracker.time, "monotonic", lambda: next(clock))
    calls: list[int] = []

    def fail(*_: object, **__: object) -> None:
        calls.append(1)
        raise mlflow.MlflowException("silence")

    monkeypatch.setattr(sweep.tracker, "_show", fail)
    for n_calls in (1, 1, 2):
        sweep.follow()
        assert len(calls) == n_calls


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
