import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning.heavy_checks import check_targets
from hydra_sweep.lightning.hooks import prepare


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


def test_data_of_each_trials_own_folder_are_left_to_the_trial(compose_cfg, tmp_path):
    cfg = compose_cfg("hparams_search=mnist_optuna", "common/logger@logger=none")
    cfg.data.data_dir = "${paths.output_dir}/data"
    assert prepare(cfg, None) == {}
    assert list(tmp_path.iterdir()) == []
