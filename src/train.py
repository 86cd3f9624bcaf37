"""Trains a model, or sweeps over its hyperparameters.

python src/train.py
python src/train.py model.optimizer.lr=0.001 data.batch_size=64
python src/train.py -m hparams_search=mnist_optuna
"""

import hydra
from omegaconf import DictConfig

import src
from hydra_sweep import mistakes_explained


@hydra.main(version_base="1.3", config_path="../configs", config_name="train.yaml")
def main(cfg: DictConfig) -> float | list[float] | None:
    # Not at the top: a sweep's supervisor and --help do without torch and Lightning.
    from src.utils.training import train

    return train(cfg)


if __name__ == "__main__":
    with mistakes_explained(src.CONFIGS):
        main()
