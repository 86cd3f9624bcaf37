"""Tests a checkpoint.

python src/eval.py ckpt_path=logs/train/runs/<date>/checkpoints/last.ckpt
"""

import sys

import hydra
from omegaconf import DictConfig

import src
from hydra_sweep import mistakes_explained
from src.utils.template_words import in_our_words


@hydra.main(version_base="1.3", config_path="../configs", config_name="eval.yaml")
def main(cfg: DictConfig) -> None:
    from src.utils.training import evaluate

    evaluate(cfg)


if __name__ == "__main__":
    sys.argv[1:] = in_our_words(sys.argv[1:])
    with mistakes_explained(src.CONFIGS):
        main()
