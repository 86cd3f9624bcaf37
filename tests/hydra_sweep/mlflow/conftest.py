"""A sweep as MLflow sees it: what prepares it, the loggers of its trials, what finishes it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import optuna
import pytest
from mlflow.entities import Run
from omegaconf import DictConfig, OmegaConf, read_write
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hydra_sweep.mlflow import MLFlowLogger, Tracker
from hydra_sweep.mlflow import logger as mlflow_logger
from hydra_sweep.mlflow.address import TRIAL_RUN
from hydra_sweep.mlflow.store import open_store
from hydra_sweep.settings import Settings
from hydra_sweep.space.compose import in_force
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.sweep import Plan
from tests.hydra_sweep.mlflow.server import Server

METRIC = "val/recall@10"
SPACE = {
    "+trainer.clip": FloatDistribution(0.1, 1.0),
    "common/callbacks@callbacks": CategoricalDistribution(["none", "default"]),
}


class TrackedSweep:
    """One whose study is in memory. `uri` is that of its store."""

    def __init__(self, cfg: DictConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cfg, self.folder, self.monkeypatch = cfg, folder, monkeypatch
        OmegaConf.set_readonly(cfg.hydra, False)
        cfg.hydra.sweep.dir = str(folder)
        self.uri = f"sqlite:///{folder}/mlflow/mlflow.db"
        self.tracker = Tracker()
        self.told: list[str] = []
        self.study = optuna.create_study(study_name='it\'s 100% "ü"', direction="maximize")

    @property
    def uri(self) -> str:
        return self.cfg.logger.mlflow.tracking_uri

    @uri.setter
    def uri(self, uri: str) -> None:
        self.cfg.logger.mlflow.tracking_uri = uri
        self.monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # as MLflow itself does, and leaves it behind

    def prepare(self) -> None:
        """As at the start of the command."""
        settings = Settings(sampler={"_target_": "Tpe"}, pruner={}, study_name=self.study.study_name)
        address = StudyAddress(self.study.study_name, self.folder)
        plan = Plan(address, settings, SearchSpace(SPACE, []), attrs=self.study.user_attrs)
        attrs = {"metric": METRIC, "space": {key: "any" for key in SPACE}}
        self.tracker = Tracker()
        for key, value in {**attrs, **self.tracker.prepare(self.cfg, plan)}.items():
            self.study.set_user_attr(key, value)

    def follow(self) -> str | None:
        """What the tracker has to say."""
        said = self.tracker.follow(self.cfg, self.study)
        self.told += [said] if said else []
        return said

    def finish(self) -> list[str]:
        return self.tracker.finish(self.cfg, self.study)

    def ask(self) -> optuna.Trial:
        """A trial that runs from now on in this process."""
        trial = self.study.ask(SPACE)
        self.monkeypatch.setattr(mlflow_logger, "current_trial", lambda: trial)
        folder = self.folder / str(trial.number)
        folder.mkdir(parents=True)
        with read_write(self.cfg.hydra):
            self.cfg.hydra.runtime.output_dir = str(folder)
        in_force(self.cfg)
        return trial

    def logger(self, **kwargs: Any) -> MLFlowLogger:
        """Of a further attempt at the trial that runs."""
        self.cfg.logger.mlflow.prefix = kwargs.get("prefix", "")
        return MLFlowLogger(self.uri, experiment_name="train", **kwargs)

    def shown(self, trial: optuna.Trial) -> Run:
        """The trial's run, once what was logged is sent."""
        assert self.follow() is None
        return self.client.get_run(self.study.trials[trial.number].user_attrs[TRIAL_RUN])

    def train(self, values: list[float], between: Callable[[], Any] = lambda: None) -> optuna.Trial:
        """A whole trial, which logs and reports the values; what happens `between` two of them."""
        trial, logger = self.ask(), self.logger()
        logger.log_hyperparams({"model": {"lr@": 1}})
        for i, value in enumerate(values):
            between() if i else None
            self.follow()
            logger.log_metrics({METRIC: value}, step=10 * i)
            trial.report(value, i)
        logger.finalize()
        self.study.tell(trial, values[-1])
        return trial

    @property
    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(self.uri)

    def runs(self) -> tuple[Run, dict[int, Run]]:
        """The parent's run, and those of its children by their numbers."""
        parent = self.client.get_run(self.study.user_attrs["mlflow_parent_run_id"])
        runs = self.client.search_runs([parent.info.experiment_id])
        id_ = parent.info.run_id
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == id_]
        numbered = {int(run.data.tags["trial"]): run for run in children}
        assert len(numbered) == len(children)
        return parent, numbered

    def curve(self, run: Run, key: str = "val/recall:at:10") -> list[float]:
        history = self.client.get_metric_history(run.info.run_id, key)
        return [point.value for point in sorted(history, key=lambda point: point.step)]

    def assert_in_line(self) -> None:
        """MLflow shows all that the study knows."""
        parent, children = self.runs()
        assert sorted(children) == [trial.number for trial in self.study.trials]
        for trial in self.study.trials:
            run = children[trial.number]
            assert run.info.status == "FINISHED"
            assert run.data.tags["state"] == "COMPLETE"
            assert run.data.params[":plus:trainer.clip"] == str(trial.params["+trainer.clip"])
            assert run.data.params["common/callbacks:at:callbacks"] in ("none", "default")
            assert self.curve(run) == list(trial.intermediate_values.values())
        assert parent.info.status == "FINISHED"
        assert {":plus:trainer.clip", "common/callbacks:at:callbacks"} < parent.data.params.keys()
        assert parent.data.metrics["val/recall:at:10"] == self.study.best_value
        assert parent.data.metrics["trials/complete"] == len(self.study.trials)
        assert parent.data.tags["best_trial"] == str(self.study.best_trial.number)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """A store that was made, which takes most of a second."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    open_store(f"sqlite:///{file}", "Default")
    return file


@pytest.fixture
def sweep(compose_cfg, tmp_path, monkeypatch, empty_store) -> TrackedSweep:
    store = tmp_path / "sweep/mlflow/mlflow.db"
    store.parent.mkdir(parents=True)
    shutil.copy(empty_store, store)
    return TrackedSweep(compose_cfg(), tmp_path / "sweep", monkeypatch)


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()
