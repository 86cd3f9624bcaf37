"""Every yaml there is composes, and what it names can be made."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

import src
from hydra_sweep.lightning.heavy_checks import check_targets
from hydra_sweep.pruners import make_pruner
from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.targets import targets
from tests.conftest import ROOT

# the template's, and the package's
CONFIGS = (src.CONFIGS, ROOT / "src/hydra_sweep/configs")
# how a yaml of each folder is chosen on the command line
CHOICES = {
    "data": "data={}",
    "model": "model={}",
    "experiment": "experiment={}",
    "trainer": "trainer={} trainer.accelerator=cpu",  # whatever this machine has
    "debug": "debug={}",
    "hparams_search": "hparams_search={}",
    "common/callbacks": "common/callbacks@callbacks={}",
    "common/logger": "common/logger@logger={}",
    "hydra/launcher": "hydra/launcher={}",
    "hydra/sweeper": "hydra/sweeper={}",
    "hydra/sweeper/pruner": "hydra/sweeper=async_optuna hydra/sweeper/pruner={}",
    "hydra/sweeper/sampler": "hydra/sweeper=async_optuna hydra/sweeper/sampler={}",
    "hydra/sweeper/sampler/optuna": "hydra/sweeper=async_optuna hydra/sweeper/sampler={}",
}
# what others begin with
PARTS = ("hydra/sweeper/sampler/optuna/base/unset.yaml", "hydra/sweeper/callbacks/settings_resolve.yaml")
# parts that callbacks/default.yaml, or the user, completes
INCOMPLETE = {
    "common/callbacks/early_stopping.yaml": "callbacks.early_stopping.monitor=val/loss",
    "hydra/sweeper/pruner/threshold.yaml": "hydra.sweeper.pruner.upper=1.0",
}


def yamls() -> list[str]:
    found = {str(path.relative_to(folder)) for folder in CONFIGS for path in folder.rglob("*.yaml")}
    return sorted(found - set(PARTS))


def overrides_for(yaml: str) -> list[str]:
    folder, name = str(Path(yaml).parent), Path(yaml).stem
    chosen = CHOICES[folder].format(name).split() if folder in CHOICES else []
    return [*chosen, *([INCOMPLETE[yaml]] if yaml in INCOMPLETE else [])]


@pytest.mark.parametrize("yaml", yamls())
def test_every_yaml_composes_and_instantiates(yaml, compose_cfg):
    root = "eval.yaml" if yaml == "eval.yaml" else "train.yaml"
    required = ["ckpt_path=none.ckpt"] if root == "eval.yaml" else []
    if yaml.startswith("hydra/sweeper/"):
        required.append("hydra.sweeper.study_name=toy")
    cfg = compose_cfg(*overrides_for(yaml), *required, name=root)
    OmegaConf.to_container(cfg, resolve=True)
    check_targets(cfg)
    for group in ("data", "model", "trainer"):
        instantiate(cfg[group])
    for group in ("callbacks", "logger"):
        for node in (cfg.get(group) or {}).values():
            if node and (yaml != "common/logger/wandb.yaml" or find_spec("wandb")):
                instantiate(node)
    check_hydra(cfg, yaml)


def check_hydra(cfg: DictConfig, yaml: str) -> None:
    # Hydra makes its own basic launcher and sweeper itself.
    plugins = {
        name: instantiate(cfg.hydra[name])
        for name in ("launcher", "sweeper")
        if not cfg.hydra[name]._target_.startswith("hydra._internal")
    }
    if sweeper := plugins.get("sweeper"):
        settings = Settings.parse(sweeper.settings)
        make_pruner(settings.pruner)
        space = parse_space(settings.params, [])
        make_sampler(settings, space, 0)
        assert bool(space.distributions) == yaml.startswith("hparams")


def test_every_target_is_found_in_some_yaml(compose_cfg):
    cfg = OmegaConf.to_container(compose_cfg("hparams_search=mnist_optuna"), resolve=False)
    found = set(targets(cfg))
    assert {"torch.optim.Adam", "src.models.mnist_module.MNISTLitModule"} <= found


def test_the_search_leaves_the_test_set_alone(compose_cfg):
    cfg = compose_cfg("hparams_search=mnist_optuna")
    assert cfg.test is False
    assert set(cfg.hydra.sweeper.params) == {
        "model.optimizer.lr",
        "model.net.lin1_size",
        "model.net.lin2_size",
        "model.net.lin3_size",
        "data.batch_size",
    }
    assert "log" in cfg.hydra.sweeper.params["model.optimizer.lr"]
