import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path, create_config_search_path
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf

from hydra_sweep.space import compose
from hydra_sweep.space.compose import Composer, JobLoader
from tests.conftest import ROOT

FIXED = ["hparams_search=mnist_optuna", "trainer.max_epochs=1"]


@pytest.fixture
def loader() -> ConfigLoaderImpl:
    Plugins.instance()
    return ConfigLoaderImpl(
        create_automatic_config_search_path(str(ROOT / "src/train.py"), None, "../configs")
    )


@pytest.fixture
def composer(loader) -> Composer:
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


COMMANDS = [
    [],
    ["trainer.max_epochs=1", "+new.key=1", "~tags", "model.net.lin1_size=choice(8,16)"],
    ["experiment=mon_experience", "data.batch_size=8,16", "tags=[a,b]", "+model.net.depth=1,2"],
    ["hydra.sweep.dir=elsewhere", "hydra.sweeper.n_trials=3", "++trainer.precision=bf16-mixed"],
    ["model=mnist", "common/logger@logger=mlflow,csv", "task_name='a b'"],
]
OF_PARAMS = [[], ["data.num_workers=1", "+of.params=2", "++seed=3"], ["common/callbacks@callbacks=none"]]


@pytest.mark.parametrize("of_params", OF_PARAMS)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_what_hydra_composes(loader, command, of_params):
    given = ["hparams_search=mnist_optuna", *command]
    master = loader.load_configuration("train.yaml", given, RunMode.MULTIRUN)
    values = {
        "+model.net.depth": 1,
        "data.batch_size": 8,
        "model.net.lin1_size": 8,
        "common/logger@logger": "csv",
    }
    searched = [
        line.partition("=")[0] for line in master.hydra.overrides.task if "," in line and "[" not in line
    ]
    example = ["model.optimizer.lr=0.1", *(f"{key}={values[key]}" for key in searched)]
    of_command = [line for line in master.hydra.overrides.task if line.partition("=")[0] not in searched]
    fixed = [*of_params, *of_command]  # in Hydra's order: what comes later wins
    composer = Composer(loader, master, fixed, example)
    expected = composer.in_full(example)
    assert as_yaml(composer.example) == as_yaml(expected)
    assert composer.example._metadata.resolver_cache == expected._metadata.resolver_cache
    of_job = JobLoader(HydraContext(loader, Callbacks())).load_sweep_config(master, [*fixed, *example])
    assert as_yaml(of_job) == as_yaml(expected)


def test_a_workers_job_is_composed_by_setting_values(loader, monkeypatch):
    given = ["hparams_search=mnist_optuna", "trainer.max_epochs=1", "data.batch_size=8,16"]
    master = loader.load_configuration("train.yaml", given, RunMode.MULTIRUN)
    overrides = [*given[:2], "data.batch_size=8", "++hydra.job.env_set.CUDA_VISIBLE_DEVICES='1'"]
    expected = as_yaml(loader.load_sweep_config(master, overrides))
    monkeypatch.setattr(loader, "load_sweep_config", None)  # not called
    of_job = JobLoader(HydraContext(loader, Callbacks())).load_sweep_config(master, overrides)
    assert as_yaml(of_job) == expected


@pytest.mark.parametrize("own", [[], ["++hydra.job.env_set.CUDA_VISIBLE_DEVICES='{}'"]])
def test_what_workers_have_alike_is_composed_beforehand(loader, monkeypatch, own):
    master = loader.load_configuration("train.yaml", FIXED, RunMode.MULTIRUN)
    alike = [*FIXED, "model.optimizer.lr=0.1", "hydra.sweep.subdir=workers"]
    first, second = [*alike, *(line.format(0) for line in own)], [*alike, *(line.format(1) for line in own)]
    expected = [as_yaml(loader.load_sweep_config(master, overrides)) for overrides in (first, second)]
    others = as_yaml(loader.load_sweep_config(master, FIXED))
    of_jobs = JobLoader(HydraContext(loader, Callbacks()))
    of_jobs.get_ready(master, alike, first[len(alike) :])
    with monkeypatch.context() as patch:
        patch.setattr(compose, "Composer", None)  # not called
        assert as_yaml(of_jobs.load_sweep_config(master, second)) == expected[1]
    assert as_yaml(of_jobs.load_sweep_config(master, first)) == expected[0]  # anew
    of_jobs.get_ready(master, alike, [])
    assert as_yaml(of_jobs.load_sweep_config(master, FIXED)) == others


@pytest.fixture
def small(tmp_path) -> ConfigLoaderImpl:
    """Of a configuration with a group that must be given."""
    Plugins.instance()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "net.yaml").write_text("size: 1")
    (tmp_path / "model" / "tree.yaml").write_text("depth: 1")
    (tmp_path / "small.yaml").write_text(
        "defaults: [_self_, {model: '???'}]\nd: {a: 1, b: 2}\nseed: 0\nx: 0\nname: ${oc.env:TOY_NAME,none}"
    )
    return ConfigLoaderImpl(create_config_search_path(str(tmp_path)))


@pytest.mark.parametrize(
    ("of_params", "command"),
    [
        (["d.a=3"], ["++d.a=5", "model=net"]),
        (["d={a:7,b:8}"], ["d.a=5", "seed=1,2", "model=net"]),
        (["d.a=3"], ["++d={a:9}", "seed=1,2", "model=net"]),
        (["d.a=3"], ["~d", "seed=1,2", "model=net"]),
        (["x=3"], ["model=tree", "d.a=2", "seed=1,2"]),
        ([], ["model=net,tree", "seed=1,2", "+of.mine=1,2"]),
        ([], ["seed=1,2"]),
        (["x=1"], []),
        ([], ["model=net", "seed=1,2", "hydra.job.env_copy=[TOY_NAME]"]),
        ([], ["model=net", "seed=1", "seed=2"]),
    ],
)
def test_what_comes_later_wins_and_what_must_be_given_is_asked_for(small, monkeypatch, of_params, command):
    monkeypatch.setenv("TOY_NAME", "supervisor")
    master = small.load_configuration("small.yaml", command, RunMode.MULTIRUN)
    monkeypatch.setenv("TOY_NAME", "job")
    task = OmegaConf.to_container(master.hydra.overrides.task)
    fixed = [*of_params, *(line for line in task if "," not in line or "{" in line)]
    example = [line.partition(",")[0] for line in task if "," in line and "{" not in line]

    def outcome(compose) -> str:
        try:
            return as_yaml(compose())
        except HydraException as error:
            return str(error)

    expected = outcome(lambda: small.load_sweep_config(master, [*fixed, *example]))
    assert outcome(lambda: Composer(small, master, fixed, example).example) == expected


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


@pytest.mark.parametrize(
    ("example", "is_set"),
    [(["seed=1"], True), ([], True), (["seed=1", "model=mnist"], False), (["tags=[a]"], False)],
)
def test_it_says_whether_it_composes_anew(composer, monkeypatch, example, is_set):
    composed, composer = [], Composer(composer.loader, composer.master, FIXED, example)
    monkeypatch.setattr(composer, "in_full", composed.append)
    composer.in_place(example)
    assert composer.sets_values == is_set == (not composed)


@pytest.mark.parametrize(
    "overrides", [["model.optimizer.lr=0.2", "data.batch_size=16"], ["data.batch_size=16", "model=mnist"]]
)
def test_what_is_read_is_of_the_overrides_and_leaves_the_example(composer, overrides):
    example = ["model.optimizer.lr=0.1", "data.batch_size=8"]
    composer = Composer(composer.loader, composer.master, FIXED, example)
    before = as_yaml(composer.example)
    assert composer.read(overrides, as_yaml) == as_yaml(composer.in_full(overrides))
    with pytest.raises(ZeroDivisionError):
        composer.read(overrides, lambda _: 1 / 0)
    assert as_yaml(composer.example) == before
