"""The two command lines, run as a user would; short trainings on real MNIST."""

import re
import subprocess
import sys
from pathlib import Path

import mlflow
import torch

from tests.conftest import ROOT

SHORT = ["trainer.max_epochs=1", "+trainer.limit_train_batches=50"]


def printed_accuracy(out: str) -> float:
    return float(re.search(r"test/acc\s*│?\s*([0-9.]+)", out)[1])


def test_train_and_eval(train, tmp_path):
    done = train(*SHORT, "common/logger@logger=many_loggers", "seed=1", "extra_name=_short")
    (run,) = (tmp_path / "logs/train/runs").iterdir()
    assert run.name.endswith("_short")
    for pattern in ("train.log", ".hydra/config.yaml", "csv/**/metrics.csv", "tensorboard/**/events*"):
        assert list(run.glob(pattern)), pattern
    assert list(run.glob("csv/**/predictions/epoch_000.png"))
    checkpoint = run / "checkpoints" / "epoch_000.ckpt"
    torch.load(checkpoint, weights_only=True)

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    (logged,) = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    assert logged.info.run_name == run.name
    assert logged.info.status == "FINISHED"
    assert logged.data.params["model/optimizer/lr"] == "0.001"
    metrics = {f"{part}/{name}" for part in ("train", "val", "test") for name in ("loss", "acc")}
    assert metrics | {"val/acc_best"} <= set(logged.data.metrics)
    artifacts = client.list_artifacts(logged.info.run_id, "predictions")
    assert [Path(file.path).name for file in artifacts] == ["epoch_000.png"]

    accuracy = printed_accuracy(done.stdout)
    assert 0.5 < accuracy < 1
    evaluated = train(f"ckpt_path={checkpoint}", script="src/eval.py")
    assert printed_accuracy(evaluated.stdout) == accuracy


def test_help_and_mistakes_need_no_heavy_imports(tmp_path):
    for arguments in (["--help"], ["model.optimizer.rate=1"]):
        command = [sys.executable, "-X", "importtime", str(ROOT / "src/train.py"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "hydra" in modules
        assert not modules & {"torch", "lightning", "mlflow", "torchvision", "optuna"}
        assert done.returncode == (arguments != ["--help"])
