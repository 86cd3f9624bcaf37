import pytest
import torch
from omegaconf import ListConfig

from src.utils.training import make_each, metric_values, train, without_folder

METRICS = {"val/acc": torch.tensor(0.5), "val/loss": torch.tensor(2.0)}


def test_the_metric_asked_for_is_returned():
    assert metric_values(METRICS, None) is None
    assert metric_values(METRICS, "val/acc") == 0.5
    assert metric_values(METRICS, ListConfig(["val/acc", "val/loss"])) == [0.5, 2.0]
    with pytest.raises(ValueError, match=r"val/accuracy.*It logs: val/acc, val/loss"):
        metric_values(METRICS, "val/accuracy")


def test_parts_set_to_null_are_left_out(compose_cfg):
    cfg = compose_cfg("callbacks.model_summary=null")
    names = [type(callback).__name__ for callback in make_each(cfg.callbacks)]
    assert "RichModelSummary" not in names
    assert names.count("ModelCheckpoint") == 1
    assert make_each(None) == []


def test_what_names_the_runs_folder_is_no_hyperparameter():
    logged = {"a": "/runs/1/checkpoints", "b": {"c": "/runs/1", "d": 2}, "e": ["/runs/1"]}
    assert without_folder(logged, "/runs/1") == {"b": {"d": 2}, "e": ["/runs/1"]}


SMALL = [
    "common/logger@logger=none",
    "common/callbacks@callbacks=none",
    "optimized_metric=val/acc_best",
    "test=false",
    "trainer.max_epochs=1",
    "+trainer.limit_train_batches=20",
    "+trainer.enable_progress_bar=false",
    "+trainer.enable_checkpointing=false",
]


def test_a_seed_makes_a_training_exact(compose_cfg):
    values = [train(compose_cfg(*SMALL, f"seed={seed}")) for seed in (7, 7, 8)]
    assert values[0] == values[1] != values[2]
    assert 0.2 < values[0] < 1
