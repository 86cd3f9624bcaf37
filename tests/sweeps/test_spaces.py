"""A space of two families of models, written in yaml alone, by the real command."""

import pytest
import yaml
from omegaconf import OmegaConf

from hydra_sweep.__main__ import main
from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.study.storage import StudyAddress
from tests.conftest import TOY, run_python
from tests.sweeps.test_mistakes import check_told

FEW = ["lr=0.01", "model.hidden=choice([8],[16])", "model.filters=choice(4,2)", "optimizer.name=adam"]


@pytest.fixture
def families(tmp_path):
    return lambda *arguments, **kwargs: run_python(
        "tests/toy/families/families.py", *TOY, *arguments, cwd=tmp_path, **kwargs
    )


def load(folder, storage=None, name="families"):
    return StudyAddress(name, folder / "multirun" / name, storage).load()


def check_trials(trials, folder):
    """Each has just its own parameters, in the study, in its overrides and in its configuration."""
    for trial in trials:
        hydra = folder / "multirun/families" / str(trial.number) / ".hydra"
        cfg = OmegaConf.load(hydra / "config.yaml")
        is_mlp = trial.params["model"] == "mlp"
        assert cfg.model.kind == trial.params["model"]
        assert ("len(model.hidden)" in trial.params) == is_mlp
        assert ("model.filters" in trial.params) == ("model.kernel" in trial.params) == (not is_mlp)
        assert ("optimizer.momentum" in trial.params) == (trial.params["optimizer.name"] == "sgd")
        assert cfg.optimizer.momentum == trial.params.get("optimizer.momentum", 0.0)
        assert yaml.safe_load((hydra / "overrides.yaml").read_text()) == to_overrides(trial.params)
        if is_mlp:
            n = trial.params["len(model.hidden)"]
            assert cfg.model.hidden == [trial.params[f"model.hidden[{i}]"] for i in range(n)]
        else:
            assert cfg.model.stride == cfg.model.kernel <= cfg.model.filters


def test_two_families_in_yaml_alone_and_on_resume(families, tmp_path):
    families("hydra.sweeper.n_jobs=2")
    done = families("hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=6")
    study = load(tmp_path)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 6
    assert len({trial.params["model"] for trial in study.trials}) == 2
    check_trials(study.trials, tmp_path)
    found = OmegaConf.load(tmp_path / "multirun/families/optimization_results.yaml")
    assert to_overrides(found.best_params) == to_overrides(study.best_trial.params)
    assert "len(" not in done.stdout
    other = "hydra.sweeper.when={optimizer.momentum: 'optimizer.name=adam'}"
    told = "optimizer.momentum was interval(0.1, 0.9) when optimizer.name=sgd, now interval(0.1, 0.9) when"
    check_told(families(other, check=False), told)


def test_two_families_in_a_database(families, tmp_path, database):
    kernel = "hydra.sweeper.params={model.kernel: 'range(1,${model.filters},3)'}"
    families(f"hydra.sweeper.storage={database}", "hydra/sweeper/sampler=nsgaii", kernel)
    trials = load(tmp_path, database).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    check_trials(trials, tmp_path)
    assert {trial.params.get("model.kernel", 1) % 3 for trial in trials} == {1}


def test_a_grid_of_two_families_and_no_combination_twice(families, tmp_path):
    """[8], [16]; filters 2 with kernels 1, 2 and 4 with 1 to 4: 8 trials."""
    few = [*FEW, "hydra.sweeper.n_trials=50"]
    done = families("hydra/sweeper/sampler=random", *few, "hydra.sweeper.dry_run=true")
    assert "8 combinations: 8 trials, not 50" in done.stdout
    families("hydra/sweeper/sampler=grid", *few)
    trials = load(tmp_path).trials
    assert len({tuple(to_overrides(trial.params)) for trial in trials}) == len(trials) == 8
    shapes = [(trial.params.get("model.filters"), trial.params.get("model.kernel")) for trial in trials]
    assert sorted(filter(all, shapes)) == [(2, 1), (2, 2), (4, 1), (4, 2), (4, 3), (4, 4)]


def test_a_dry_run_shows_the_conditions(families, tmp_path):
    momentum = "optimizer.momentum='interval(0.0,${lr})'"
    done = families("hydra.sweeper.dry_run=true", momentum, COLUMNS="160")
    for shown in (
        "interval(0.0, ${lr}) when optimizer.name=sgd",
        "tag(list:1:2, tag(pow2, int(interval(8, 32)))) when model=mlp",
        "int(interval(1, ${model.filters})) when model=cnn",
        "choice(${model.kernel}) when model=cnn",
        "Thought good, and tried more often at first: lr=0.01",
    ):
        assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["hydra.sweeper.when={model.hidden: 'model=mlp,cnn'}"], "With model=cnn "),
        (["+hydra.sweeper.when.model.filters='model=mlp,cnn'"], "With model=mlp "),
        (
            ["+hydra.sweeper.when={lr: 'model=mpl'}"],
            "in hydra.sweeper.when.lr 'mpl'. Did you mean mlp?",
        ),
        (
            ["model=mlp", "model.filters=4", "hydra.sweeper.when=null"],
            "model.filters: there is no such key",
        ),
        (["optimizer.nmae=choice(a,b)"], "compose: optimizer.nmae: there is no such key. Did you mean"),
    ],
)
def test_what_no_trial_could_have_is_told_and_leaves_nothing(families, tmp_path, arguments, told):
    done = families(*arguments, check=False)
    check_told(done, told)
    assert ("With model=" in done.stderr) == told.startswith("With model="), "what the choice brings"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("momentum", ["0.5", "'interval(0.0,${lr})'"])
def test_what_the_command_line_says_is_for_those_trials_alone_that_have_it(families, tmp_path, momentum):
    few = ["model=mlp", f"optimizer.momentum={momentum}", "hydra/sweeper/sampler=random"]
    families(*few)
    trials = load(tmp_path).trials
    assert len({trial.params["optimizer.name"] for trial in trials}) == 2
    for trial in trials:
        cfg = OmegaConf.load(tmp_path / f"multirun/families/{trial.number}/.hydra/config.yaml")
        assert ("optimizer.momentum" in trial.params) == (trial.params["optimizer.name"] == "sgd")
        assert cfg.optimizer.momentum == trial.params.get("optimizer.momentum", 0.0)


def test_known_trials_and_constraints_of_what_only_some_trials_have(families, tmp_path):
    first = "['model=mlp model.hidden=[8,16]',defaults,'model=cnn model.filters=4 model.kernel=2']"
    bound = "hydra.sweeper.constraints=['model.filters < 16','model.stride > 1']"  # stride is as kernel
    options = [bound, "hydra.sweeper.sampler.n_startup_trials=3", "hydra.sweeper.n_jobs=2"]
    done = families(f"hydra.sweeper.enqueue={first}", *options, "hydra.sweeper.n_trials=9")
    assert "Run first: model=cnn model.filters=4 model.stride=2 model.kernel=2" in done.stdout
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 9
    check_trials(trials, tmp_path)
    hidden = [[t.params.get(f"model.hidden[{i}]") for i in range(2)] for t in trials[:3]]
    assert hidden == [[8, 16], [8, None], [None, None]]
    assert (trials[1].params["lr"], trials[1].params["optimizer.name"]) == (0.1, "adam")
    cnns = [trial.params for trial in trials if trial.params["model"] == "cnn"]
    assert all(one["model.filters"] < 16 and one["model.kernel"] > 1 for one in cnns)

    add = ["add", str(tmp_path / "multirun/families"), "lr=0.01", "model=mlp", "optimizer.name=adam"]
    with pytest.raises(SweepError, match=r"add: model\.filters is for trials with model=cnn alone\."):
        main([*add, "model.filters=4", "--value", "0.08"])
    with pytest.raises(SweepError, match=r"add: model\.hidden is missing"):
        main([*add, "--value", "0.08"])
    main([*add, "model.hidden=[8]", "--value", "0.08"])
    wider = "hydra.sweeper.params={optimizer.momentum: 'interval(0.0,0.95)'}"
    done = families(*options, wider, "hydra.sweeper.n_trials=11")
    assert "was interval(0.1, 0.9) when optimizer.name=sgd, now interval(0.0, 0.95) when" in done.stdout
    trials = load(tmp_path).trials
    assert (trials[9].value, trials[10].state.name) == (0.08, "COMPLETE")
    check_trials(trials[10:], tmp_path)

    warm = ["hydra.sweeper.study_name=next", "hydra.sweeper.warm_start=families", "model.filters=4,8"]
    gp = "hydra/sweeper/sampler=gp", "hydra.sweeper.sampler.n_startup_trials=3"
    done = families(*warm, bound, "optimizer.name=adam,sgd,lion", *gp)  # which compares constraints
    momenta = [trial.params.get("optimizer.momentum", 0.5) for trial in trials]
    n_known = sum(0.1 <= momentum <= 0.9 for momentum in momenta)  # here it is searched from 0.1 to 0.9
    assert f"Of study families the sampler knows {n_known} of 11 results" in done.stdout
    assert [t.state.name for t in load(tmp_path, name="next").trials] == ["COMPLETE"] * 4


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("enqueue=['model=mlp model.filters=4']", "model.filters is for trials with model=cnn alone."),
        ("enqueue=['model.hidden=[8]']", "model.hidden is for trials with model=mlp alone."),
        ("enqueue=['model=mlp model.hidden=[9]']", "model.hidden=[9] is outside of tag(list:1:2, tag(pow2"),
        (
            "enqueue=['model=cnn model.filters=4 model.kernel=8']",
            "model.kernel=8 is outside of int(interval(1, ${model.filters})).",
        ),
        ("constraints=['model.hidden < 9']", "model.hidden: expected a number, got ["),
        ("sampler=brute_force", "Choose hydra/sweeper/sampler=grid"),
    ],
)
def test_what_does_not_go_together_is_told_and_leaves_nothing(families, tmp_path, argument, told):
    place = "hydra/sweeper/" if argument.startswith("sampler") else "hydra.sweeper."
    check_told(families(f"{place}{argument}", check=False), told)
    assert list(tmp_path.iterdir()) == []
