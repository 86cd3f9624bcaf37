"""What a sweep of Lightning trainings has done once: `hydra.sweeper.prepare` and `hydra.sweeper.finish`."""

from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from optuna import Study

from hydra_sweep.console import say
from hydra_sweep.lightning.checks import is_of_lightning
from hydra_sweep.space.compose import is_of_one_trial
from hydra_sweep.study.trial_folder import RESUME, folders_of_runs
from hydra_sweep.sweep import Plan


def prepare(cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """Checks what the configuration of an example trial names, and gets the data set, unless that goes into
    each trial's own folder."""
    if not is_of_lightning(cfg):
        return {}
    say("Preparing the data set …")
    # Not at the top: it imports Lightning, which `finish` does without.
    from hydra_sweep.lightning.heavy_checks import check_targets, check_trainer
    from hydra_sweep.lightning.rehearsal import check_metrics

    check_targets(cfg)
    check_trainer(cfg, plan.gpus)
    data = cfg.get("data")
    if not data or "_target_" not in data or is_of_one_trial(data):
        return {}
    if hasattr(module := instantiate(data), "prepare_data"):
        module.prepare_data()
    if plan.on_this_machine and not plan.attrs:  # not where people log in, and not each time
        check_metrics(cfg)
    return {}


def finish(cfg: DictConfig, study: Study) -> list[str]:
    """Removes what only trials that go on would need."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished():
            folder = Path(cfg.hydra.sweep.dir, str(trial.number))
            for one in folders_of_runs(folder):
                resume_file(one).unlink(missing_ok=True)
    return []


def resume_file(folder: str | Path) -> Path:
    """Of a trial's folder: the checkpoint from which it goes on after an interruption."""
    return Path(folder, "checkpoints", RESUME)
