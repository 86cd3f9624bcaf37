from types import SimpleNamespace

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import OmegaConf

from hydra_sweep.report.experiment import experiment_of

FILES = {
    "config": """
defaults: [_self_, model: mlp, optional data: null, experiment: null, search: null, extra@left: one]
lr: 0.1
test: true
sizes: [1, 2]
where: ${oc.env:HOME}/x
deep: {a: 1, b: {c: 2, d: null}}
""",
    "model/mlp": "width: 1\nsame: 1\n",
    "model/cnn": "defaults: [part: small]\nkernel: 3\nsame: 1\n",
    "model/part/small": "n: 1\n",
    "model/part/large": "n: 2\n",
    "data/mnist": "batch: 32\n",
    "extra/one": "v: 1\n",
    "extra/two": "w: 2\n",
    "added/it": "z: 1\n",
    "experiment/old": "# @package _global_\ndefaults: [override /model: cnn]\nlr: 0.5\n",
    "search/big": """# @package _global_
defaults: [override /hydra/sweeper: async_optuna, override /hydra/job_logging: none]
test: false
deep: {b: {c: 9}}
hydra: {mode: MULTIRUN, job: {env_set: {A: '1'}}, sweeper: {n_trials: 3}}
""",
}


@pytest.fixture
def loader(tmp_path, hydra_restore_singletons) -> ConfigLoaderImpl:
    for name, text in FILES.items():
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    setup_globals()
    return ConfigLoaderImpl(create_config_search_path(f"file://{tmp_path}"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "{}\n"),
        (["lr=1e-05", "+new=null", "+more={a:{b:[1,{c:2}]}}", "deep.b={d:{x:1}}", "where='a: b'"], None),
        (
            ["deep=null", "sizes=[3]", "model=cnn"],
            "override /model: cnn\n- _self_\nsizes:\n- 3\ndeep: null\n",
        ),
        (["model=cnn", "model/part=large", "data=mnist", "extra@left=two", "model.part.n=5"], None),
        (["+added=it", "+added@over.there=it", "lr=3"], "- /added: it\n- _self_\nlr: 3\n"),
        (["experiment=old"], "defaults:\n- override /model: cnn\n- _self_\nlr: 0.5\n"),
        (["experiment=old", "search=big", "lr=7", "data=mnist", "data.batch=1"], None),
        (["hydra/job_logging=stdout", "hydra.job.chdir=true", "+hydra.job.env_set.B=2"], None),
    ],
)
def test_it_composes_to_what_the_trial_was(loader, tmp_path, given, says):
    master = loader.load_configuration("config", [*given, "hydra/sweeper=async_optuna"], RunMode.MULTIRUN)
    trial = loader.load_sweep_config(master, [line for line in given if "hydra" not in line])
    experiment = experiment_of(sweep_of(master, loader), trial)
    assert not says or experiment.text().endswith(says)

    file = tmp_path / "sweep/best/experiment.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"# @package _global_\n{experiment.text()}")
    place = f"hydra.searchpath=['file://{tmp_path}/sweep']"
    found = loader.load_configuration("config", [place, "+best=experiment"], RunMode.RUN)
    assert task(found) == {**task(trial), "test": True}
    assert found.hydra.job_logging == master.hydra.job_logging
    assert found.hydra.callbacks == {}
    for key in ("chdir", "env_set"):
        assert found.hydra.job[key] == master.hydra.job[key]
    assert found.hydra.mode is None
    assert "n_trials" not in found.hydra.sweeper


def test_what_a_yaml_cannot_take_away_is_named(loader):
    master = loader.load_configuration("config", [], RunMode.MULTIRUN)
    trial = loader.load_sweep_config(master, ["~deep.b.c", "~sizes"])
    assert experiment_of(sweep_of(master, loader), trial).missing == ["sizes", "deep.b.c"]


def sweep_of(master, loader) -> SimpleNamespace:
    return SimpleNamespace(config=master, hydra_context=SimpleNamespace(config_loader=loader))


def task(config) -> dict:
    plain = OmegaConf.to_container(config, resolve=False)
    plain.pop("hydra")
    return plain
