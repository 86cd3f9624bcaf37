"""Tests a checkpoint.

python src/eval.py ckpt_path=logs/train/runs/<date>/checkpoints/last.ckpt
"""

import hydra
from omegaconf import DictConfig

import src
from hydra_sweep import mistakes_explained


@hydra.main(version_base="1.3", config_path="../configs", config_name="eval.yaml")
def main(cfg: DictConfig) -> None:
    from src.utils.training import evaluate

    evaluate(cfg)


if __name__ == "__main__":
    with mistakes_explained(src.CONFIGS):
        main()
