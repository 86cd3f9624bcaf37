import os
import shlex
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hydra_sweep.report.commands import Commands

CPUS = len(os.sched_getaffinity(0))
START = {
    "trials_ended": 0,
    "cwd": "/home/me",
    "python": ["python"],
    "program": ["python", "src/train.py"],
    "arguments": ["-m", "search=big"],
    "shell": {},
    "threads": CPUS,
    "search": [],
}
ECHO = "import os, sys; print([os.getenv(n) for n in ('A', 'B_KEY', 'OMP_NUM_THREADS')], sys.argv[1:])"


def study_of(*starts: dict, params: dict | None = None, fixed=("search=big",)) -> optuna.Study:
    study = optuna.create_study(study_name="a sweep")
    study.set_user_attr("starts", list(starts))
    study.set_user_attr("overrides", [{"trials_ended": 0, "overrides": list(fixed)}])
    params = {"lr": 0.5} if params is None else params
    own = {
        key: FloatDistribution(0, 1) if isinstance(value, float) else CategoricalDistribution([value])
        for key, value in params.items()
    }
    study.add_trial(optuna.create_trial(params=params, distributions=own, value=1.0))
    return study


def single_run(study: optuna.Study, number: int = 0) -> str:
    return Commands(study, Path("/home/me/logs/a sweep")).single_run(study.trials[number])


@pytest.mark.parametrize(
    ("start", "params", "fixed", "says"),
    [
        ({}, {"lr": 1e-05}, [], "python src/train.py hydra.mode=RUN lr=1e-05"),
        ({}, {"a": 1}, ["uri=x://me:pw@h"], "python src/train.py 'uri=x://me:***@h' hydra.mode=RUN a=1"),
        (
            {
                "arguments": [
                    "-cp",
                    "conf",
                    "--config-name",
                    "b",
                    "-cd=d",
                    "-m",
                    "hydra.sweeper.n_jobs=3",
                    "a=1,2",
                ]
            },
            {"a": 1},
            ["~b"],
            "python src/train.py --config-path=conf --config-name=b --config-dir=d '~b' hydra.mode=RUN a=1",
        ),
        (
            {
                "program": ["uv", "run", "python", "-m", "my.app"],
                "arguments": [
                    *("hydra/sweeper=async_optuna", "hydra.searchpath=[pkg://a, file:///b c]"),
                    *("+hydra.job.env_set.A=1", "hydra.launcher.partition=gpu", "hydra.mode=MULTIRUN"),
                    *("hydra.sweep.dir=x", "hydra.sweeper.storage=sqlite:///x", "++hydra.sweeper.seed=1"),
                ],
            },
            {"+x": "a b", "model@net": "cnn/small"},
            ["text=a;b", "list=[1, 2]"],
            "uv run python -m my.app hydra/sweeper=async_optuna 'hydra.searchpath=[pkg://a, file:///b c]' "
            "+hydra.job.env_set.A=1 'text=a;b' 'list=[1, 2]' hydra.mode=RUN '+x=a b' model@net=cnn/small",
        ),
        (
            {
                "program": ["my-app"],
                "shell": {"A": "it's $HOME", "B_KEY": None, "C": ""},
                "threads": CPUS + 1,
            },
            {},
            [],
            f"""A='it'"'"'s $HOME' B_KEY="$B_KEY" C='' OMP_NUM_THREADS={CPUS + 1} my-app hydra.mode=RUN""",
        ),
    ],
)
def test_a_single_run(start, params, fixed, says):
    assert single_run(study_of({**START, **start}, params=params, fixed=fixed)) == says


def test_a_shell_passes_on_what_is_quoted():
    shell = {"A": 'it\'s "$HOME"\n`x` \\', "B_KEY": None}
    start = {**START, "program": [sys.executable, "-c", ECHO], "shell": shell, "threads": CPUS + 1}
    fixed = ["a='b c'", "d=$HOME;ls", 'e="\\"x"']
    line = single_run(study_of(start, fixed=fixed))
    done = subprocess.run(line, shell=True, env={"B_KEY": "secret"}, capture_output=True, text=True)
    environment = [shell["A"], "secret", str(CPUS + 1)]
    assert done.stdout == f"{environment} {[*fixed, 'hydra.mode=RUN', 'lr=0.5']}\n"


def test_a_trial_is_run_as_the_sweep_was_when_it_was_begun():
    study = study_of(START, {**START, "trials_ended": 1, "program": ["python", "moved.py"]})
    study.set_user_attr("overrides", [{"trials_ended": n, "overrides": [f"n={n}"]} for n in (0, 1)])
    later = datetime.now() + timedelta(hours=1)
    trial = optuna.create_trial(value=2.0)
    trial.datetime_start = trial.datetime_complete = later
    study.add_trial(trial)
    assert single_run(study, 0) == "python src/train.py n=0 hydra.mode=RUN lr=0.5"
    assert single_run(study, 1) == "python moved.py n=1 hydra.mode=RUN"


def test_other_seeds():
    start = {
        **START,
        "seed": 2,
        "arguments": [
            *("-m", "hydra/launcher=slurm", "hydra.launcher.partition=gpu", "hydra.sweeper.n_jobs=4"),
            *("hydra.sweeper.n_trials=50", "hydra.sweeper.study_name=a sweep", "seed=2"),
            *(
                "+hydra.sweeper.stop.patience=3",
                "hydra.sweep.dir=logs/a sweep",
                "hydra/sweeper/pruner=asha",
            ),
            *("hydra.sweeper.pruner.promote=true", "hydra.sweeper.fidelity={epochs:[1,3]}"),
        ],
        "search": ["params", "stop.patience"],
    }
    study = study_of(start, fixed=["search=big", "seed=2"])
    line = Commands(study, Path("/home/me/logs/a sweep")).with_seeds(study.trials[0])
    words = shlex.split(line)
    assert words[:6] == [*START["program"], "-m", *start["arguments"][1:4]]
    assert words[6:10] == ["search=big", "lr=0.5", *(f"hydra.sweeper.{n}=null" for n in start["search"])]
    assert words[-1] == "seed=choice(1,3,4,5,6)"
    parsed = OverridesParser.create().parse_overrides(words[10:-1])
    assert {one.key_or_group: one.value() for one in parsed} == {
        **{f"hydra.sweeper.{name}": None for name in ("sampler", "pruner")},  # with ~
        "hydra.sweeper.sampler._target_": "optuna.samplers.RandomSampler",
        "hydra.sweeper.pruner._target_": "optuna.pruners.NopPruner",
        "hydra.sweeper.study_name": "a sweep_0_seeds",
        "hydra.sweep.dir": "logs/a sweep/seeds/0",
        "hydra.sweeper.n_trials": 5,
    }
    of_seeds = study_of(start, params={"seed": 3})
    added = study_of(start, fixed=["+seed=2"])  # to a configuration that has none
    for other in (study_of(START), of_seeds, added):  # without a seed, and of such a sweep
        assert Commands(other, Path("/x")).with_seeds(other.trials[0]) is None


def test_of_a_study_of_another_tool_there_is_none():
    study = optuna.create_study()
    study.add_trial(optuna.create_trial(value=1.0))
    commands = Commands(study, Path("/x"))
    assert (commands.go_on(), commands.of_best(study.trials[0])) == (None, [])
