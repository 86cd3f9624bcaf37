"""Hydra accepts plugins only from below `hydra_plugins`; the launchers are in `hydra_sweep.launcher`."""

from hydra_sweep.launcher import local, slurm


class LocalLauncher(local.LocalLauncher):
    """`hydra/launcher=local`"""


class SlurmLauncher(slurm.SlurmLauncher):
    """`hydra/launcher=slurm`"""
