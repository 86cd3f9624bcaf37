"""What is known before the sampler is asked, by the real command: trials that are run first, and those of
earlier studies."""

from pathlib import Path

import pytest
from optuna import create_trial
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hydra_sweep.study.storage import StudyAddress
from tests.sweeps.test_mistakes import check_told
from tests.toy.sweeps import TWO_WORKERS, load, on, times

ENQUEUE, WARM = "hydra.sweeper.enqueue", "hydra.sweeper.warm_start"
# a line with = in it must be quoted, for Hydra's sake
HERE = f"{ENQUEUE}='{{}}'".format
GIVEN = ["+y=interval(0.0,1.0)", "epochs=choice(0,1)"]


def experiment(folder: Path, text: str) -> str:
    """Makes the experiment `known`, and returns the override by which it is found."""
    file = folder / "configs/experiment/known.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"# @package _global_\n{text}\n")
    return f"hydra.searchpath=[file://{folder}/configs]"


def test_what_is_enqueued_is_run_first_and_once(toy, tmp_path):
    path = experiment(tmp_path, "x: 0.125\nseconds: [9]")
    lines = f"{ENQUEUE}=[defaults,'+experiment=known','x=1 epochs=0','x=0.5']"
    done = toy(path, *GIVEN, TWO_WORKERS, lines)
    assert "Run first: x=0.125 epochs=0" in done.stdout
    trials = load(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert [trial.params["x"] for trial in trials[:4]] == [0.5, 0.125, 1.0, 0.5]
    assert [trial.params["epochs"] for trial in trials[:3]] == [0, 0, 0]
    assert len({trial.params["+y"] for trial in trials}) == 4, "what is left open is the sampler's"
    more = [lines.replace("]", ",'x=0.25']"), "hydra.sweeper.n_trials=5"]
    toy(path, *GIVEN, *more)
    assert load(tmp_path).trials[4].params["x"] == 0.25
    assert len(times(tmp_path)) == 5


@pytest.mark.parametrize("sampler", ["cmaes", "nsgaii"])
def test_any_sampler_fills_in_what_is_left_open(toy, tmp_path, sampler):
    toy(f"hydra/sweeper/sampler={sampler}", *GIVEN, f"{ENQUEUE}=['x=0.25','epochs=0','+y=0.5']")
    trials = load(tmp_path).trials
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert (trials[0].params["x"], trials[1].params["epochs"], trials[2].params["+y"]) == (0.25, 0, 0.5)


def test_a_combination_that_is_enqueued_is_not_tried_again(toy, tmp_path):
    toy("+seed=1", "x=choice(0.25,0.5,0.75)", HERE("x=0.75"), "hydra.sweeper.n_trials=9")
    tried = [trial.params["x"] for trial in load(tmp_path).trials]
    assert tried[0] == 0.75
    assert sorted(tried) == [0.25, 0.5, 0.75]


MISTAKES = {
    HERE("x=2"): "hydra.sweeper.enqueue: x=2: x=2 is outside of interval(0.0, 1.0).",
    HERE("x=fast"): "x=fast is outside of interval(0.0, 1.0)",
    f"{ENQUEUE}=defaults x=interval(0.6,0.9)": "defaults: x=0.5 is outside of interval(0.6, 0.9)",
    HERE("seconds=[1]"): "Unknown key of hydra.sweeper.enqueue 'seconds'",
    f"{ENQUEUE}=default": "default",
    f"{ENQUEUE}=[5]": "hydra.sweeper.enqueue: expected defaults, an experiment=name, or overrides",
    HERE("hydra/sweeper/pruner=slow"): "Unknown choice of hydra/sweeper/pruner 'slow'",
    HERE("x=choice(0.1,0.2)"): "expected a value, got a search",
    f"{HERE('x=0.25')} hydra/sweeper/sampler=grid": "does not go with a grid",
    f"{HERE('+y=1')} hydra/sweeper/sampler=brute_force x=0,1 +y=0,1": "+y=1 leaves x open",
    f"{ENQUEUE}=['x=0.25','x=0.5'] hydra.sweeper.n_trials=1": "expected at least 2",
    f"{ENQUEUE}=defaults +y=choice(1,2) hydra.sweeper.params=null": "none of the searched keys a value",
    f"{WARM}=5": "hydra.sweeper.warm_start: expected a sweep's folder, a study's name, or {storage:",
    f"{WARM}=nowhere": "hydra.sweeper.warm_start: there is no study nowhere",
    f"{WARM}={{storage:x}}": "got {'storage': 'x'}",
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(toy, tmp_path, arguments, message):
    check_told(toy(*arguments.split(" "), check=False), message)
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_of_the_template(train, tmp_path):
    first = [f"{ENQUEUE}=['experiment=mon_experience',defaults]", "hydra.sweeper.dry_run=true"]
    done = train("-m", "hparams_search=mnist_optuna", *first)
    assert "Run first: model.optimizer.lr=" in done.stdout
    done = train("-m", "hparams_search=mnist_optuna", HERE("experiment=mon_experienc"), check=False)
    check_told(done, "Unknown choice of experiment 'mon_experienc'. Did you mean mon_experience?")


def earlier(folder: Path, storage: str | None) -> None:
    """A study of twelve results, half with x of at least 0.5, two of them pruned after they had reported;
    one was pruned before and one failed. epochs was fixed in it."""
    address = StudyAddress("toy", folder / "multirun/toy", storage)
    space = {"x": FloatDistribution(0.0, 1.0)}
    fixed = [{"trials_ended": 0, "overrides": ["epochs=0"]}]
    study = address.create(["minimize"], {"space": {"x": "interval(0.0, 1.0)"}, "overrides": fixed})
    for i in range(10):
        params = {"x": i / 10}
        study.add_trial(create_trial(params=params, distributions=space, value=i / 10))
    for x, reported in ((0.4, {1: 9.0}), (0.9, {1: 9.0, 2: 8.0}), (0.9, {})):
        pruned = {"state": TrialState.PRUNED, "intermediate_values": reported}
        study.add_trial(create_trial(params={"x": x}, distributions=space, **pruned))
    study.tell(study.ask(space), state=TrialState.FAIL)


NEXT = ["hydra.sweeper.study_name=next", "x=interval(0.5,2.0)", "epochs=choice(0,1)"]
SEEDED = ["hydra.sweeper.seed=1", "hydra.sweeper.sampler.n_startup_trials=5", "hydra.sweeper.n_trials=3"]


def test_a_sampler_knows_what_an_earlier_study_found(toy, tmp_path, database):
    earlier(tmp_path, database)
    done = toy(*NEXT, *SEEDED, on(database), f"{WARM}=toy")
    assert "Of study toy the sampler knows 6 of 12 results; left out: 6 with x outside of" in done.stdout
    assert "What that study did not search is taken as epochs=0 (fixed)." in done.stdout
    study = StudyAddress("next", tmp_path / "multirun/next", database).load()
    assert [trial.number for trial in study.trials] == [0, 1, 2], "nothing is written into it"
    toy(*NEXT, *SEEDED, on(database), "hydra.sweeper.study_name=cold")
    cold = StudyAddress("cold", tmp_path / "multirun/cold", database).load()
    assert [t.params for t in study.trials] != [t.params for t in cold.trials], "it was starting up"
    done = toy(*NEXT, *SEEDED[:2], on(database), f"{WARM}=[toy,cold]", "hydra.sweeper.n_trials=4")
    assert "Of study toy the sampler knows 6 of 12 results" in done.stdout
    assert "Of study cold the sampler knows 3 of 3 results." in done.stdout


def test_earlier_studies_that_do_not_fit_are_refused(toy, tmp_path):
    earlier(tmp_path, None)
    for argument, message in {
        f"{WARM}=toy hydra.sweeper.study_name=toy": "toy is this study itself",
        f"{WARM}=toy x=interval(3.0,4.0)": "knows 0 of 12 results; left out: 12 with x outside of",
        f"{WARM}=toy +z=interval(0.0,1.0)": "left out: 12 without z, which has no default here",
        f"{WARM}=toy ~hydra.sweeper.params.x x=0.25 epochs=choice(0,1)": (
            "left out: 12 with another x than x=0.25, which is fixed here"
        ),
        f"{WARM}=toy hydra.sweeper.direction=maximize": "direction was minimize, now maximize",
        f"{WARM}=toy +optimized_metric=val/loss": "metric was None, now val/loss",
        f"{WARM}={{storage:'sqlite:////nowhere/a.db',study_name:toy}}": "/nowhere",
    }.items():
        done = toy("hydra.sweeper.study_name=other", *argument.split(" "), check=False)
        check_told(done, message)
        assert [path.name for path in (tmp_path / "multirun").iterdir()] == ["toy"]


def test_what_is_fixed_here_leaves_out_what_had_another_value(toy, tmp_path):
    earlier(tmp_path, None)
    fixed = ["~hydra.sweeper.params.x", "x=0.9", "epochs=choice(0,1)", "hydra.sweeper.study_name=next"]
    done = toy(*fixed, f"{WARM}={tmp_path}/multirun/toy", "hydra.sweeper.dry_run=true")
    assert (
        "knows 2 of 12 results; left out: 10 with another x than x=0.9, which is fixed here." in done.stdout
    )


def test_the_ranges_of_numbers_may_change(toy, tmp_path):
    options = ["hydra.sweeper.sampler.n_startup_trials=2", TWO_WORKERS]
    toy(*options, "x=interval(0.0,1.0)")
    done = toy(*options, "x=interval(2.0,3.0)", "hydra.sweeper.n_trials=7")
    assert (
        "Changed since the study was begun: x: was interval(0.0, 1.0), now interval(2.0, 3.0)"
        in done.stdout
    )
    xs = [trial.params["x"] for trial in load(tmp_path).trials]
    assert [x >= 2 for x in xs] == [False] * 4 + [True] * 3


def test_a_finite_space_that_changed_is_tried_to_its_end(toy, tmp_path):
    finite = ["+seed=1", "hydra.sweeper.n_trials=99", "x=range(0.0,1.0,0.5)"]
    toy(*finite)
    toy(*finite[:2], "x=range(0.5,2.0,0.5)")
    assert sorted(trial.params["x"] for trial in load(tmp_path).trials) == [0, 0.5, 1, 1.5, 2]
