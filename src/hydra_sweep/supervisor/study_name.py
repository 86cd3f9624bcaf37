"""`hydra.sweeper.study=new`: the next free name of a study."""

from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf, open_dict

from hydra_sweep.errors import SweepError
from hydra_sweep.space.compose import given_overrides
from hydra_sweep.sweep import Sweep


def next_free(sweep: Sweep) -> Sweep:
    """The sweep under the first of the names `<study_name>`, `<study_name>_2`, … that has neither a
    folder nor a study. Trials and workers get the name as an override."""
    name, number = sweep.address.name, 1
    renamed = sweep
    while renamed.address.folder.exists() or renamed.address.load_existing():
        number += 1
        renamed = _renamed(sweep, f"{name}_{number}")
        if renamed.address.folder == sweep.address.folder:
            raise SweepError(
                f"hydra.sweeper.study=new needs another folder for each study, got hydra.sweep.dir="
                f"{sweep.address.folder}. Expected one with ${{hydra.sweeper.study_name}} in it."
            )
    return renamed


def _renamed(sweep: Sweep, name: str) -> Sweep:
    config = sweep.config
    with open_dict(config):
        OmegaConf.update(config, "hydra.sweeper.study_name", name)
        own = ("hydra.sweeper.study=", "hydra.sweeper.study_name=")
        kept = [line for line in given_overrides(config, "hydra") if not line.lstrip("+").startswith(own)]
        config.hydra.overrides.hydra = [*kept, f"hydra.sweeper.study_name={name}"]
    folder = Path(config.hydra.sweep.dir).absolute()
    return replace(
        sweep,
        address=replace(sweep.address, name=name, folder=folder),
        settings=replace(sweep.settings, study_name=name),
    )
