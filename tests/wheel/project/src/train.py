"""Laid out as lightning-hydra-template's, with the lines of the README's "In your own project"."""

import os
import sys
from pathlib import Path

import hydra
import lightning as L
from hydra.utils import instantiate

# as rootutils.setup_root does
ROOT = Path(__file__).resolve().parents[1]
os.environ["PROJECT_ROOT"] = str(ROOT)
sys.path.insert(0, str(ROOT))

from hydra_sweep.lightning import resume  # noqa: E402
from src.utils import get_metric_value  # noqa: E402


def train(cfg):
    if cfg.get("seed"):
        L.seed_everything(cfg.seed, workers=True)
    datamodule = instantiate(cfg.data)
    model = instantiate(cfg.model)
    callbacks = [instantiate(node) for node in cfg.callbacks.values()]
    logger = [instantiate(node) for node in (cfg.get("logger") or {}).values()]
    trainer = instantiate(cfg.trainer, callbacks=callbacks, logger=logger)
    trainer.fit(model=model, datamodule=datamodule, ckpt_path=resume(trainer, cfg.ckpt_path))
    return trainer.callback_metrics


@hydra.main(version_base="1.3", config_path="../configs", config_name="train.yaml")
def main(cfg):
    return get_metric_value(train(cfg), cfg.get("optimized_metric"))


if __name__ == "__main__":
    main()
