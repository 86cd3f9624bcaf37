"""`hydra.sweeper.study=new`: the next free name of a study."""

from dataclasses import replace

from omegaconf import open_dict

from hydra_sweep.errors import SweepError
from hydra_sweep.space.compose import given_overrides
from hydra_sweep.supervisor.defaults import FOLDER, NAME, folder_of, override
from hydra_sweep.supervisor.interpolations import settle
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
    override(config, NAME, name)
    with open_dict(config):
        given = given_overrides(config, "hydra")
        kept = [line for line in given if not line.lstrip("+").startswith("hydra.sweeper.study=")]
        config.hydra.overrides.hydra = kept
    settle(config, FOLDER)
    return replace(
        sweep,
        address=replace(sweep.address, name=name, folder=folder_of(config)),
        settings=replace(sweep.settings, study_name=name),
    )
