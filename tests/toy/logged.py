"""A task that logs `steps` points to MLflow, and trains nothing."""

import time

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=".", config_name="toy.yaml")
def main(cfg: DictConfig) -> float:
    logger = instantiate(cfg.logger.mlflow)
    logger.log_hyperparams({"net": {"width": 7}})
    for step in range(cfg.steps):
        time.sleep(cfg.every_s)
        logger.log_metrics({"loss": cfg.x / (step + 1), "accuracy": 1 - cfg.x / (step + 1)}, step)
    logger.finalize("success")
    return float(cfg.x)


if __name__ == "__main__":
    main()
