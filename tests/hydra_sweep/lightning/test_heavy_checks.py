from pathlib import Path

import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning import prepare
from hydra_sweep.lightning.heavy_checks import check_targets, check_trainer
from hydra_sweep.settings import Settings
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.sweep import Plan


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.optimizer._target_=torch.optim.Adamm", "Did you mean torch.optim.Adam?"),
        ("model.optimizer._target_=torch.optm.Adam", "Did you mean torch.optim?"),
        ("model.optimizer._target_=torch.optim", "expected a class or a function, got a module"),
        ("model.optimizer._target_=torch.optim.SGD", None),
        ("+model.optimizer.momentums=0.9", "model.optimizer: Unknown argument 'momentums'"),
        ("+model.net.lin4_size=3", "model.net: Unknown argument 'lin4_size'. Did you mean lin3_size?"),
        ("+data.batch_sise=3", "data: Unknown argument 'batch_sise'. Did you mean batch_size?"),
        ("+callbacks.early_stopping.patiense=3", "callbacks.early_stopping: Unknown argument 'patiense'"),
        ("+callbacks.early_stopping._convert_=all", None),
        ("+trainer.val_check_intervall=3", "Did you mean val_check_interval?"),
        ("trainer.strategy=dpp", "Unknown trainer.strategy 'dpp'. Did you mean ddp?"),
        ("trainer.strategy=DDP", None),
        ("trainer.accelerator=gpuu", "Unknown trainer.accelerator 'gpuu'. Did you mean gpu?"),
        ("trainer.accelerator=gpu", None),
        ("+trainer.profiler={_target_: builtins.dict, any: 1}", None),  # takes any
        ("+trainer.profiler={_target_: '${model.net._target_}', any: 1}", None),  # looked at elsewhere
    ],
)
def test_what_is_named_must_be_there(compose_cfg, override, message):
    cfg = compose_cfg(override)
    if message is None:
        check_targets(cfg)
    else:
        with pytest.raises(SweepError) as caught:
            check_targets(cfg)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_module_that_does_not_import_says_why(compose_cfg, tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SweepError, match="No module named 'no_such_library'"):
        check_targets(compose_cfg("model.net._target_=broken_module.Net"))


def plan(folder: Path) -> Plan:
    settings = Settings(sampler={}, pruner={}, study_name="toy", direction="maximize")
    return Plan(StudyAddress("toy", folder), settings, SearchSpace({}, []), gpus=0)


def test_data_of_each_trials_own_folder_are_left_to_the_trial(compose_cfg, tmp_path):
    cfg = compose_cfg("hparams_search=mnist_optuna", "common/logger@logger=none")
    cfg.data.data_dir = "${paths.output_dir}/data"
    assert prepare(cfg, plan(tmp_path)) == {}
    assert list(tmp_path.iterdir()) == []


GPU_ONLY = ["trainer.strategy=fsdp", "trainer.accelerator=mps", "trainer.devices=0"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        *((one, "trainer: ") for one in GPU_ONLY),
        ("+trainer.enable_checkpointing=false", "found `ModelCheckpoint` in callbacks list."),
        ("+trainer.precision=8", "trainer: Precision 8 is invalid. Allowed precision values: "),
        ("+trainer.limit_val_batches=1.5", "invalid value 1.5 for limit_val_batches"),
        ("+trainer.max_steps=-2", "`max_steps` must be a non-negative integer"),
        ("+trainer.max_time=1h", "Expected a string in the format DD:HH:MM:SS."),
        ("+trainer.profiler=simpel", "it can only be one of"),
        ("+trainer.gradient_clip_algorithm=any", "Allowed algorithms"),
        (
            "callbacks.early_stopping.mode=most",
            "early_stopping: `mode` can be min, max, got most.",
        ),
        ("+callbacks.model_checkpoint={monitor: null, save_top_k: 3}", "No quantity for top_k to track."),
        ("logger=null", None),
        ("callbacks=null", None),
        ("+trainer.fast_dev_run=true", None),
        ("+trainer.max_time={hours: 1}", None),
        ("+trainer.precision=bf16-mixed", None),
        ("trainer._target_=tests.hydra_sweep.lightning.test_heavy_checks.refuse", None),  # not Lightning's
        ("+callbacks.own._target_=tests.hydra_sweep.lightning.test_heavy_checks.refuse", None),
    ],
)
def test_what_lightning_refuses_is_refused_before_any_trial(compose_cfg, override, message):
    cfg = compose_cfg("trainer.accelerator=cpu", override)
    if message is None:
        check_trainer(cfg, 0)
    else:
        with pytest.raises(SweepError) as caught:
            check_trainer(cfg, 0)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_sweep_prepares_with_it(compose_cfg, tmp_path):
    with pytest.raises(SweepError, match="trainer: Precision 8 is invalid"):
        prepare(compose_cfg("trainer.accelerator=cpu", "+trainer.precision=8"), plan(tmp_path))


def refuse(**kwargs):
    raise AssertionError("it was made")


@pytest.mark.parametrize("override", GPU_ONLY)
def test_devices_that_only_the_cluster_has_are_left_to_the_trials(compose_cfg, override):
    check_trainer(compose_cfg(override), None)
