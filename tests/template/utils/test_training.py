import pickle

import optuna
import pytest
import torch
from omegaconf import ListConfig, OmegaConf

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.lightning import exact_checkpoint, resuming
from src.models.mnist_module import MNISTLitModule
from src.utils import training
from src.utils.training import (
    is_foreign,
    make_each,
    metric_values,
    of_the_run,
    seed_everything,
    train,
    without_folder,
)

METRICS = {"val/acc": torch.tensor(0.5), "val/loss": torch.tensor(2.0)}


def test_the_metric_asked_for_is_returned():
    assert metric_values(METRICS, None) is None
    assert metric_values(METRICS, "val/acc") == 0.5
    assert metric_values(METRICS, ListConfig(["val/acc", "val/loss"])) == [0.5, 2.0]
    with pytest.raises(ConfigurationError, match=r"val/accuracy.*It logs: val/acc, val/loss"):
        metric_values(METRICS, "val/accuracy")


def test_where_no_sweeper_waits_for_a_metric_it_need_not_be_logged(compose_cfg):
    unknown = "optimized_metric=valid/rmse"
    assert train(compose_cfg(*SMALL, unknown)) is None
    with pytest.raises(ConfigurationError, match=r"valid/rmse.*It logs: .*train/acc, "):
        train(compose_cfg(*SMALL, unknown, "hydra/sweeper=optuna"))


def test_parts_set_to_null_are_left_out(compose_cfg):
    cfg = compose_cfg("callbacks.model_summary=null")
    names = [type(callback).__name__ for callback in make_each(cfg.callbacks)]
    assert "RichModelSummary" not in names
    assert names.count("ModelCheckpoint") == 1
    assert make_each(None) == []


def test_what_names_the_runs_folder_is_no_hyperparameter():
    logged = {"a": "/runs/1/checkpoints", "b": {"c": "/runs/1", "d": 2}, "e": ["/runs/1"]}
    assert without_folder(logged, "/runs/1") == {"b": {"d": 2}, "e": ["/runs/1"]}


def test_unseeded_ranks_of_a_trial_draw_alike_and_trials_do_not(monkeypatch):
    cfg = OmegaConf.create({"seed": None})
    monkeypatch.setattr(training, "current_trial", lambda: True)
    drawn = []
    for run in ("one", "one", "two"):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", run)
        seed_everything(cfg)
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1] != drawn[2]


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


class WithAllHyperparameters(MNISTLitModule):
    """As lightning-hydra-template's own: its checkpoints hold the net, which weights_only refuses."""

    def __init__(self, net, optimizer, scheduler, compile, lr_interval) -> None:
        super().__init__(net, optimizer, scheduler, compile, lr_interval)
        self.save_hyperparameters(logger=False)


@pytest.fixture
def with_all(compose_cfg, tmp_path):
    """A run whose best checkpoint was tested, at `tmp_path/checkpoints/last.ckpt`."""

    def run(*overrides: str) -> float:
        words = [
            *(one for one in SMALL if "enable_checkpointing" not in one),
            "model._target_=tests.template.utils.test_training.WithAllHyperparameters",
            "+callbacks.keep._target_=lightning.pytorch.callbacks.ModelCheckpoint",
            f"+callbacks.keep={{dirpath: {tmp_path}/checkpoints, save_last: true}}",
            *("test=true", "optimized_metric=test/acc", "+trainer.limit_test_batches=5", "seed=7"),
        ]
        return train(compose_cfg(*words, *overrides))

    return run


@pytest.mark.filterwarnings("ignore:Attribute 'net' is an instance")
def test_a_checkpoint_of_a_run_is_loaded_whole_and_no_other(with_all, tmp_path):
    tested = with_all()
    last = tmp_path / "checkpoints/last.ckpt"
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):  # from anywhere
        with_all("train=false", f"ckpt_path={last}")
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/config.yaml").touch()
    assert with_all("train=false", f"ckpt_path={last}") == tested


@pytest.mark.parametrize(
    ("checkpoint", "foreign"),
    [(None, False), ("last.ckpt", True), ("/last.ckpt", True), ("s3://bucket/last.ckpt", True)],
)
def test_a_checkpoint_without_a_runs_folder_is_foreign(checkpoint, foreign):
    assert is_foreign(checkpoint) == foreign


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.check_val_every_n_epoch=2", "trainer.max_epochs=2"],
        ["+trainer.limit_val_batches=0", "optimized_metric=train/acc"],
        ["trainer.check_val_every_n_epoch=null", "+trainer.val_check_interval=30", "trainer.max_epochs=2"],
        ["model.lr_interval=step"],
        ["model.scheduler=null"],
        ["trainer.max_epochs=2", "+trainer.val_check_interval=0.5"],
        ["optimized_metric=test/acc", "test=true", "+trainer.limit_test_batches=2"],
        ["train=false", "optimized_metric=test/acc", "test=true", "+trainer.limit_test_batches=2"],
        ["+trainer.fast_dev_run=true"],
        ["+trainer.overfit_batches=5"],
        ["+trainer.precision=bf16-mixed"],
        ["+trainer.precision=64-true"],
        ["+trainer.accumulate_grad_batches=7"],
        ["+trainer.max_time={seconds: 60}"],
        ["trainer.num_sanity_val_steps=-1"],
        ["+trainer.reload_dataloaders_every_n_epochs=1", "trainer.max_epochs=2"],
    ],
    ids=" ".join,
)
@pytest.mark.filterwarnings("ignore")
def test_a_training_however_it_is_set_ends_with_its_metric(compose_cfg, overrides):
    if not any("sanity" in one for one in overrides):
        overrides = [*overrides, "+trainer.num_sanity_val_steps=0"]
    else:
        overrides = [f"+{one}" for one in overrides]
    assert 0 <= train(compose_cfg(*SMALL, *overrides, "seed=7")) <= 1


@pytest.mark.filterwarnings("ignore")
def test_the_scheduler_steps_once_a_validation(compose_cfg, monkeypatch):
    steps = []
    step = torch.optim.lr_scheduler.ReduceLROnPlateau.step
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    monkeypatch.setattr(plateau, "step", lambda self, value: (steps.append(value), step(self, value)))
    train(compose_cfg(*SMALL, "trainer.check_val_every_n_epoch=2", "trainer.max_epochs=5", "seed=7"))
    assert len(steps) == 2


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(module: MNISTLitModule) -> None:
    raise Killed


@pytest.fixture
def attempt(compose_cfg, monkeypatch):
    """Trains a trial in a sweep; the attempt is killed at the end of the epoch of a number."""
    monkeypatch.setattr(exact_checkpoint, "VALIDATION_AFTER_S", 0.0)  # the epochs are short here

    def run(number: int, killed_in: int | None = None, *overrides: str) -> float:
        trial = optuna.create_study().ask()
        trial.set_user_attr("attempt", number)
        for module in (training, resuming):
            monkeypatch.setattr(module, "current_trial", lambda: trial)
        epoch_end = MNISTLitModule.on_train_epoch_end

        def until_killed(self) -> None:
            epoch_end(self)
            if self.current_epoch == killed_in:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(MNISTLitModule, "on_train_epoch_end", until_killed)
            return train(compose_cfg(*SMALL, *overrides, "trainer.max_epochs=3", "seed=7"))

    return run


def test_a_trial_that_was_put_back_goes_on(attempt, tmp_path, caplog):
    whole = attempt(0)
    with pytest.raises(Killed):
        attempt(0, killed_in=1)  # and the checkpoint of the other, finished, is none of its business
    with caplog.at_level("INFO"):
        assert attempt(1) == whole
    assert f"Attempt 2 goes on at step 40, from {tmp_path}/checkpoints/resume.ckpt" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        assert attempt(2) == whole
    assert "Attempt 3 goes on at step 60" in caplog.text


def test_a_trial_whose_checkpoint_is_damaged_begins_anew(attempt, tmp_path, caplog):
    checkpoint = tmp_path / "checkpoints" / "resume.ckpt"
    whole = attempt(0)
    for damage in (checkpoint.read_bytes()[:-100], b""):
        checkpoint.write_bytes(damage)
        assert attempt(1) == whole
        assert f"Attempt 2 begins anew: {checkpoint} cannot be read" in caplog.text
    checkpoint.unlink()
    assert attempt(1) == whole


def test_what_a_killed_attempt_left_is_overwritten(attempt, tmp_path):
    keep = {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "save_last": "true"}
    keep["dirpath"] = str(tmp_path / "checkpoints")
    overrides = [f"+callbacks.keep.{key}={value}" for key, value in keep.items()]
    overrides.append("trainer.enable_checkpointing=true")
    attempt(0, None, *overrides)
    (tmp_path / "checkpoints/resume.ckpt").unlink()
    attempt(1, None, *overrides)
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {"epoch=2-step=60.ckpt", "last.ckpt", "resume.ckpt"}


@pytest.mark.filterwarnings("ignore")
def test_of_a_trial_that_is_trained_only_the_test_is_done_again(attempt, monkeypatch, caplog):
    tests = ["test=true", "optimized_metric=[test/acc,val/acc]", "+trainer.limit_test_batches=5"]
    whole = attempt(0, None, *tests)
    with monkeypatch.context() as patched:
        patched.setattr(MNISTLitModule, "on_test_start", killed)
        with pytest.raises(Killed):
            attempt(0, None, *tests)
    with caplog.at_level("INFO"):
        assert attempt(1, None, *tests) == whole
    assert "Attempt 2 goes on at step 60" in caplog.text


def test_an_explicit_checkpoint_is_only_where_a_trial_begins(attempt, tmp_path):
    with pytest.raises(Killed):
        attempt(0, killed_in=1)
    elsewhere = (tmp_path / "checkpoints" / "resume.ckpt").rename(tmp_path / "elsewhere.ckpt")
    whole = attempt(0, None, f"ckpt_path={elsewhere}")
    with pytest.raises(Killed):
        attempt(0, 2, f"ckpt_path={elsewhere}")
    assert attempt(1, None, f"ckpt_path={elsewhere}") == whole


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {"data.batch_size": 7, "model.net.lin1_size": 5, "seed": 3, "task_name": "eval", "own": 1}),
        (["data.batch_size=9"], {"data.batch_size": 9, "model.net.lin1_size": 5}),
        (["data=mnist"], {"data.batch_size": 128, "model.net.lin1_size": 5}),
        (["data=mnist", "data.batch_size=9"], {"data.batch_size": 9}),
        (["+trainer.limit_test_batches=2"], {"trainer.limit_test_batches": 2, "trainer.max_epochs": 99}),
        (["seed=4", "tags=[a]"], {"seed": 4, "tags": ["a"]}),
        (["trainer=cpu"], {"trainer.accelerator": "cpu", "trainer.max_epochs": 10}),
    ],
)
def test_an_evaluation_takes_all_from_the_run_but_what_is_said(compose_cfg, tmp_path, words, expected):
    run = compose_cfg(
        "data.batch_size=7", "model.net.lin1_size=5", "seed=3", "trainer.max_epochs=99", "+own=1"
    )
    (tmp_path / ".hydra").mkdir()
    OmegaConf.save(
        OmegaConf.masked_copy(run, [key for key in run if key != "hydra"]), tmp_path / ".hydra/config.yaml"
    )
    cfg = compose_cfg(f"ckpt_path={tmp_path}/checkpoints/last.ckpt", *words, name="eval.yaml")
    made = of_the_run(cfg)
    assert {key: OmegaConf.select(made, key) for key in expected} == expected
    assert made.logger == {}


def test_a_checkpoint_without_its_run_is_tested_as_configured(compose_cfg, tmp_path):
    cfg = compose_cfg(f"ckpt_path={tmp_path}/checkpoints/last.ckpt", name="eval.yaml")
    assert of_the_run(cfg) is cfg
