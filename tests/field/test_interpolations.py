"""Interpolations: what Hydra resolves in a job is resolved in the trial, and what is the sweep's, in the
supervisor; `None` is nowhere."""

import json

import pytest
from omegaconf import OmegaConf

from tests.conftest import run_python
from tests.field.table import Case, check, table
from tests.toy.sweeps import load

STUDY = r"Its folder: /.*/logs/train/multiruns/mnist_optuna"
OF_A_JOB = r"expected a value of the sweep's, got one with hydra\.job\.num"


@table(
    Case("'paths.root_dir=${paths.work_dir}/logs'", STUDY),
    Case(
        "'hydra.sweep.dir=${hydra:runtime.cwd}/sweeps/${hydra.sweeper.study_name}'",
        r"folder: /.*/sweeps/mnist_optuna",
    ),
    Case("'hydra.sweep.dir=${paths.log_dir}/${hydra:sweeper.study_name}'", "logs/mnist_optuna"),
    Case("'hydra.sweep.dir=${hydra:runtime.choices.model}/${hydra:job.name}'", r"folder: /.*/mnist/train"),
    Case("'hydra.sweep.dir=${oc.env:NO_SUCH,here}'", r"folder: /.*/here"),
    Case("'hydra.sweep.dir=\"~/sweeps\"'", r"folder: (?!.*~)/.*/sweeps"),
    Case("'hydra.sweep.subdir=${hydra.job.num}_${hydra.job.id}'", STUDY),
    Case("'hydra.sweep.subdir=${hydra:job.num}_${hydra:job.override_dirname}'", STUDY),
    Case("'hydra.sweep.subdir=${hydra:runtime.output_dir}/a'", STUDY),
    Case("'data.data_dir=${paths.output_dir}/data'", STUDY),
    Case("'trainer.default_root_dir=${hydra:runtime.output_dir}/${hydra:job.num}'", STUDY),
    Case("'task_name=${hydra:job.name}'", STUDY),
    Case('\'tags=["${hydra:job.num}", "${hydra:job.id}"]\'', STUDY),
    Case("'+n=${hydra:sweeper.n_trials}' '+dir=${hydra:sweep.dir}'", r"\+n=\$\{hydra:sweeper\.n_trials\}"),
    Case("'hydra.sweeper.study_name=${task_name}_${now:%Y}'", r"Study train_20\d\d is new"),
    Case("'hydra.sweeper.study_name=${hydra:runtime.choices.data}'", r"Study mnist is new"),
    Case("'hydra.sweeper.storage=sqlite:///${hydra:runtime.cwd}/study.db'", STUDY),
    Case("'hydra.sweeper.n_trials=\"${oc.decode:${oc.env:NO_SUCH,7}}\"'", "Would train 7 trials"),
    Case("'hydra.launcher.submitit_folder=${hydra:sweep.dir}/workers'", STUDY),
    Case("'model.net.lin1_size=choice(${data.batch_size},64)'", r"choice\(\$\{data\.batch_size\}, 64\)"),
    Case("'+hydra.job.env_set.NUM=${hydra:job.num}'", STUDY),
    # what is wrong, in one line
    Case("'hydra.sweeper.n_trials=${oc.env:NO_SUCH}'", r"sweeper\.n_trials: .*'NO_SUCH' not found", 1),
    Case("'hydra.launcher.timeout_min=${no_such}'", r"launcher\.timeout_min: .*'no_such' not found", 1),
    Case("'hydra.sweep.dir=${no_such}'", r"hydra\.sweep\.dir: .*'no_such' not found", 1),
    Case("'hydra.sweep.subdir=${oc.env:NO_SUCH}'", r"hydra\.sweep\.subdir: .*'NO_SUCH' not found", 1),
    Case("'hydra.sweep.dir=${hydra:runtime.output_dir}/a'", rf"hydra\.sweep\.dir: {OF_A_JOB}", 1),
    Case("'hydra.sweep.dir=${hydra.job.num}'", rf"hydra\.sweep\.dir: {OF_A_JOB}", 1),
    Case(
        "'hydra.sweeper.storage=sqlite:///${paths.output_dir}/s.db'",
        rf"hydra\.sweeper\.storage: {OF_A_JOB}",
        1,
    ),
    Case("'hydra.sweeper.study_name=s${hydra:job.id}'", rf"hydra\.sweeper\.study_name: {OF_A_JOB}", 1),
    Case(
        "'hydra.launcher.submitit_folder=a/${hydra:job.num}'", rf"launcher\.submitit_folder: {OF_A_JOB}", 1
    ),
)
def test_they_resolve_where_they_belong(case, train, tmp_path):
    said = check(case, train, tmp_path)
    assert len(said.strip().split("\n\n")[0].splitlines()) == 1 or not case.code


APP = """
import json
import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

OmegaConf.register_new_resolver("double", lambda value: 2 * float(value))

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg):
    with open("values", "a") as file:
        file.write(json.dumps(OmegaConf.to_container(cfg, resolve=True)) + "\\n")
    return cfg.x

if __name__ == "__main__":
    main()
"""
CONFIG = """
x: 1.0
half: 0.25
twice: ${double:${x}}
node: {same: "${..x}", num: "${hydra:job.num}", out: "${hydra:runtime.output_dir}/a"}
cwd: ${hydra:runtime.cwd}
dirname: ${hydra:job.override_dirname}
study: ${hydra:sweeper.study_name}
sweep: ${hydra:sweep.dir}
name: ${hydra:job.name}
sampler: ${hydra:runtime.choices.hydra/sweeper}
default: ${oc.select:no.such,7}
given: 0
hydra:
  job: {name: "app_${hydra:job.num}"}
  sweep: {dir: "${double:${half}}/${hydra:sweeper.study_name}"}
  sweeper:
    sampler: {_target_: optuna.samplers.GridSampler}
    params: {x: "choice(${half}, ${double:${half}})", "+fixed": "${double:4}"}
"""


def test_a_trial_resolves_what_a_job_does(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "config.yaml").write_text(CONFIG)
    given = ["hydra/sweeper=async_optuna", "given=${hydra:job.num}", "hydra.sweep.subdir=n${hydra:job.num}"]
    run_python(tmp_path / "app.py", "-m", *given, cwd=tmp_path)
    lines = (tmp_path / "values").read_text().splitlines()
    values = sorted(map(json.loads, lines), key=lambda one: one["x"])
    assert [one["x"] for one in values] == [0.25, 0.5]
    for one in values:
        num, sweep = one["given"], tmp_path / "0.5" / "app"
        assert one["node"] == {"same": one["x"], "num": num, "out": f"{sweep}/n{num}/a"}
        assert one["twice"] == 2 * one["x"]
        assert one["sweep"] == str(sweep)
        assert (one["study"], one["name"], one["cwd"]) == ("app", f"app_{num}", str(tmp_path))
        assert (one["default"], one["fixed"], one["sampler"]) == (7, 8.0, "async_optuna")
        assert (sweep / f"n{num}" / f"app_{num}.log").is_file()
    assert not list(tmp_path.rglob("*None*"))


@pytest.mark.parametrize("choices", ["'${half}','${oc.env:NO_SUCH,2}'", "choice(${half},2)"])
def test_a_choice_may_be_one(toy, tmp_path, choices):
    grid = ["hydra/sweeper/sampler=grid", "+half=0.5", f"x={choices}"]
    toy(*grid)
    assert sorted(trial.value for trial in load(tmp_path).trials) == [0.5, 2.0]
    saved = OmegaConf.load(tmp_path / "multirun/toy/0/.hydra/hydra.yaml")
    assert saved.hydra.sweep.dir == str(tmp_path / "multirun" / "toy")


def test_the_folder_of_a_sweep_is_one_whatever_its_trials_search(toy, tmp_path):
    toy("hydra.sweep.dir=multirun/${x}/toy", "x=choice(1,2)", "hydra/sweeper/sampler=grid")
    assert sorted(path.name for path in (tmp_path / "multirun").iterdir()) == ["0.5"]
    assert (tmp_path / "multirun/0.5/toy/1/toy.log").is_file()
