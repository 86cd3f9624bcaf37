import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import OmegaConf

from hydra_sweep.space.compose import Composer
from tests.conftest import ROOT

FIXED = ["hparams_search=mnist_optuna", "trainer.max_epochs=1"]


@pytest.fixture
def composer() -> Composer:
    Plugins.instance()
    path = create_automatic_config_search_path(str(ROOT / "src/train.py"), None, "../configs")
    loader = ConfigLoaderImpl(path)
    master = loader.load_configuration("train.yaml", FIXED, RunMode.MULTIRUN)
    return Composer(loader, master, FIXED, ["model.optimizer.lr=0.1", "data.batch_size=8", "model=mnist"])


def as_yaml(config) -> str:
    return OmegaConf.to_yaml(config)


def test_setting_values_gives_what_hydra_composes(composer, monkeypatch):
    composer = Composer(
        composer.loader, composer.master, FIXED, ["model.optimizer.lr=0.1", "+new=8", "tags=x"]
    )
    overrides = ["model.optimizer.lr=1e-05", "+new='a b'", "tags=null"]
    expected = as_yaml(composer.in_full(overrides))
    monkeypatch.setattr(composer, "in_full", None)  # not called
    assert as_yaml(composer.in_place(overrides)) == expected


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.optimizer.lr=0.2", "data.batch_size=16", "model=mnist"],  # a group
        ["model.optimizer.lr=0.2"],  # other keys
        ["model.optimizer={lr: 0.2}", "data.batch_size=16", "seed=1"],  # would be merged
    ],
)
def test_where_more_than_values_differ_hydra_composes(composer, overrides):
    expected = as_yaml(composer.in_full(overrides))
    assert as_yaml(composer.in_place(overrides)) == expected
