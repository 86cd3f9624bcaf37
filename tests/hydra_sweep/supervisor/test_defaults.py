"""What an application leaves to Hydra."""

import pytest
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.supervisor.defaults import fill_in

NAME = "${hydra.sweeper.study_name}"
TEMPLATE = "logs/multiruns/${oc.select:hydra.sweeper.study_name,${now:%Y}}"


def config(folder: str, given: tuple[str, ...] = (), name: str | None = "toy") -> DictConfig:
    return OmegaConf.create(
        {
            "logs": "/logs",
            "hydra": {
                "job": {"name": "app"},
                "sweep": {"dir": folder},
                "sweeper": {"study_name": name},
                "overrides": {"hydra": list(given)},
                "runtime": {"choices": {"hydra/launcher": "slurm"}},
            },
        }
    )


@pytest.mark.parametrize(
    ("folder", "becomes"),
    [
        ("multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}", f"multirun/{NAME}"),  # Hydra's own
        ("${logs}/multiruns/${now:%Y-%m-%d}_${now:%H-%M-%S}", f"${{logs}}/multiruns/{NAME}"),
        ("/scratch/${now:%Y}/${logs}/${now:%H}", f"/scratch/{NAME}/${{logs}}/{NAME}"),
        ("/scratch/me's ${now:%Y}", f"/scratch/me's {NAME}"),
        ("${logs}/fixed", None),
        (TEMPLATE, None),
    ],
)
def test_the_studys_name_takes_the_place_of_the_time(folder, becomes):
    cfg = config(folder)
    before = cfg.hydra.overrides.hydra.copy()
    fill_in(cfg, None)
    raw = OmegaConf.to_container(cfg, resolve=False)["hydra"]
    assert raw["sweep"]["dir"] == (becomes or folder)
    if becomes:
        assert "toy" in cfg.hydra.sweep.dir
        escaped = becomes.replace("'", r"\'")
        assert raw["overrides"]["hydra"] == [*before, f"hydra.sweep.dir='{escaped}'"]
    else:
        assert raw["overrides"]["hydra"] == before


def test_a_folder_of_the_command_line_stays():
    dated = "here/${now:%Y}"
    cfg = config(dated, given=(f"hydra.sweep.dir={dated}",))
    fill_in(cfg, None)
    assert OmegaConf.to_container(cfg, resolve=False)["hydra"]["sweep"]["dir"] == dated


def test_a_study_without_a_name_has_the_jobs():
    cfg = config("multirun/${now:%Y}", name=None)
    fill_in(cfg, None)
    assert cfg.hydra.sweeper.study_name == "app"
    assert cfg.hydra.sweep.dir == "multirun/app"
    assert "hydra.sweeper.study_name='app'" in cfg.hydra.overrides.hydra
