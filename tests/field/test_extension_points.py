"""Hydra's extension points act on a trial as on a job of the basic launcher, and on nothing else: the same
application is run by Hydra's own sweeper and launcher, and by ours."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import run_python

APP = """
import json, logging, os
from pathlib import Path
import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import OmegaConf

START = Path.cwd()

def note(*what):
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps([*what, os.getcwd(), os.environ.get("SET"), os.environ.get("HAD")]) + "\\n")

class Note(Callback):
    def on_multirun_start(self, config, **_):
        self.told = "at the start"
        note("multirun starts")

    def on_multirun_end(self, config, **_):
        note("multirun ends")

    def on_job_start(self, config, **_):
        note("job starts", self.told, config.hydra.job.num, config.x)

    def on_job_end(self, config, job_return, **_):
        note("job ends", job_return.status.name, job_return.overrides, config.hydra.runtime.output_dir)

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    job = HydraConfig.get().job
    logging.getLogger(__name__).debug("debugging %d", job.num)
    logging.getLogger("other").info("telling %d", job.num)
    logging.getLogger("other").error("crying %d", job.num)
    note("runs", job.num, job.name, job.override_dirname, OmegaConf.to_container(cfg, resolve=True))
    return cfg.x

if __name__ == "__main__":
    main()
"""
CONFIG = """
x: 1.0
out: ${hydra:runtime.output_dir}
hydra:
  sweep: {dir: sweep}
  callbacks: {note: {_target_: __main__.Note}}
"""
LOGGING = """
version: 1
formatters: {short: {format: "%(levelname)s %(message)s"}, long: {format: "%(name)s %(message)s"}}
handlers:
  screen: {class: logging.StreamHandler, formatter: long, stream: ext://sys.stderr, level: ERROR}
  all: {class: logging.FileHandler, formatter: short, filename: "${hydra.runtime.output_dir}/all.log"}
  bad: {class: logging.FileHandler, formatter: long, filename: "${hydra.runtime.output_dir}/b"}
root: {level: DEBUG, handlers: [screen, all, bad]}
disable_existing_loggers: false
"""
BASIC = ["hydra/sweeper=basic", "hydra/launcher=basic"]
OURS = ["hydra/sweeper=async_optuna", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_jobs=1"]
# the sweep's own in its folder
OWN = ("multirun.yaml", "study.journal", "supervisor.lock", "optimization_results.yaml", "workers", "best")
OWN += ("report.html",)


@pytest.fixture
def app(tmp_path) -> Path:
    for name, text in {
        "app.py": APP,
        "conf/config.yaml": CONFIG,
        "conf/second.yaml": "defaults: [config, _self_]\nsecond: true\n",
        "conf/hydra/job_logging/mine.yaml": LOGGING,
        "more/extra/one.yaml": "one: 1\n",
        "other/config.yaml": CONFIG + "other: true\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "app.py"


def observed(app: Path, *arguments: str) -> tuple[list, dict[str, str | None]]:
    """What is called, where, and with what environment; the files that jobs leave, with what is logged."""
    cwd, record = app.parent / "here", app.parent / "record"
    cwd.mkdir()
    run_python(app, "-m", "x=0.1,0.2", *arguments, cwd=cwd, RECORD=str(record), HAD="before")
    calls = [json.loads(line) for line in record.read_text().splitlines()]
    files = {
        str(file.relative_to(cwd)): _lines(file) if file.suffix in ("", ".log") else None
        for file in sorted(cwd.rglob("*"))
        if file.is_file() and not set(OWN) & set(file.relative_to(cwd).parts)
    }
    record.unlink()
    shutil.rmtree(cwd)
    return calls, files


def _lines(file: Path) -> str:
    return re.sub(r"\d+-\d+-\d+ [\d:,]+", "<time>", file.read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "hydra.mode=MULTIRUN hydra/job_logging=mine",
        "hydra.verbose=true +hydra.job.env_set.SET=a${hydra:job.num} +hydra.job.env_set.HAD=now",
        "hydra.verbose=[__main__] hydra.job.chdir=true hydra.job.name=n${hydra:job.num}",
        "hydra/job_logging=none hydra.output_subdir=null",
        "hydra/job_logging=stdout hydra.output_subdir=.else +hydra.job.env_copy=[HAD]",
        "hydra/job_logging=disabled hydra/hydra_logging=disabled --config-name=second",
        "hydra.job_logging.handlers.file.filename=own.log hydra.job.chdir=true --config-path=../other",
        "hydra.searchpath=[file://../more] +extra=one hydra.sweep.subdir=${hydra.job.override_dirname} "
        "hydra.job.config.override_dirname.exclude_keys=[extra]",
        "+hydra.callbacks.pickle={_target_:hydra.experimental.callbacks.PickleJobInfoCallback} +extra=one "
        "--config-dir=../more",
    ],
)
def test_a_trial_is_a_job(app, arguments):
    given = arguments.replace("=../other", f"={app.parent}/other").split()
    calls, files = observed(app, *BASIC, *given)
    ours, our_files = observed(app, *OURS, *given)
    assert [call[0] for call in calls] == [
        "multirun starts",
        *["job starts", "runs", "job ends"] * 2,
        "multirun ends",
    ]
    assert _unordered(ours) == _unordered(calls)
    if not any(file.endswith(".log") for file in files):  # what it prints has to go somewhere
        our_files = {name: text for name, text in our_files.items() if not name.endswith(".log")}
    assert our_files == files


def _unordered(calls: list) -> list:
    """Of overrides, which ours has in another order, those that vary last."""
    return [[sorted(one) if isinstance(one, list) else one for one in call] for call in calls]


@pytest.mark.parametrize("logging", ["none", "disabled", "mine"])
def test_a_worker_has_its_own_log(app, logging):
    done = run_python(app, "-m", *OURS, f"hydra/job_logging={logging}", cwd=app.parent, RECORD="record")
    (log,) = (app.parent / "sweep/workers").glob("*[0-9].log")
    said = log.read_text()
    assert "ready" in said
    assert "COMPLETE" in said
    assert "telling" not in said + done.stdout + done.stderr
    assert not (app.parent / "sweep/workers/all.log").exists()
