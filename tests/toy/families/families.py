"""Two families of models, each with parameters of its own."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from hydra_sweep import mistakes_explained


@hydra.main(version_base="1.3", config_path=".", config_name="families.yaml")
def main(cfg: DictConfig) -> float:
    size = sum(cfg.model.hidden) if cfg.model.kind == "mlp" else cfg.model.filters
    return float(cfg.lr * size)


if __name__ == "__main__":
    with mistakes_explained(Path(__file__).parent):
        main()
