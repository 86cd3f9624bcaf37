import logging
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger
from PIL import Image, ImageDraw
from torch import Tensor

log = logging.getLogger(__name__)

CELL, COLUMNS = 84, 8
RIGHT, WRONG = (46, 160, 67), (218, 54, 51)


class ImageGrid(Callback):
    """Logs a grid of the first validation images with what the model takes them for.

    Right predictions are framed green, wrong ones red and captioned "predicted, not true label".
    Goes to every logger that takes images: TensorBoard, MLflow (artifact `predictions/`) and CSV
    (a folder `predictions/` beside the table). Where the batches are not images (N, 1, H, W) with
    their labels (N,), it says so once and does nothing.

    Args:
        n_images: how many images, of at most one batch.
        every_n_epochs: how often; the last epoch is logged in any case.
    """

    def __init__(self, n_images: int = 32, every_n_epochs: int = 1) -> None:
        self.n_images = n_images
        self.every_n_epochs = every_n_epochs
        self.fits = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch
        last = epoch + 1 == trainer.max_epochs
        if trainer.sanity_checking or not trainer.is_global_zero or not trainer.loggers:
            return
        if self.fits and (last or (epoch + 1) % self.every_n_epochs == 0):
            picture = self._picture(trainer, pl_module)
            for logger in trainer.loggers if picture else ():
                log_picture(logger, picture, epoch)

    @torch.no_grad()
    def _picture(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image | None:
        loader = trainer.val_dataloaders
        batch = next(iter(loader))
        self.fits = are_labelled_images(batch)
        if self.fits:
            return self._drawn(batch, pl_module)
        log.info("No grid of images: the validation batches are not images (N, 1, H, W) with labels (N,).")
        return None

    def _drawn(self, batch: tuple[Tensor, Tensor], pl_module: LightningModule) -> Image.Image:
        images, labels = batch
        images, labels = images[: self.n_images], labels[: self.n_images]
        predicted = pl_module(images.to(pl_module.device)).argmax(1).cpu()
        return draw_grid(images.cpu(), labels.cpu(), predicted)


def are_labelled_images(batch: Any) -> bool:
    """Whether it is a pair of images (N, 1, H, W) and whole numbers (N,)."""
    if not isinstance(batch, tuple | list) or [getattr(part, "ndim", 0) for part in batch] != [4, 1]:
        return False
    images, labels = batch
    return images.shape[1] == 1 and not labels.is_floating_point()


def draw_grid(images: Tensor, labels: Tensor, predicted: Tensor) -> Image.Image:
    """A picture of `images` (N, 1, H, W), each in a frame, with its label or the mistake below."""
    rows = -(-len(images) // COLUMNS)
    grid = Image.new("RGB", (COLUMNS * CELL, rows * CELL), "white")
    draw = ImageDraw.Draw(grid)
    for i, (image, label, guess) in enumerate(
        zip(images, labels.tolist(), predicted.tolist(), strict=True)
    ):
        x, y = i % COLUMNS * CELL, i // COLUMNS * CELL
        right = label == guess
        grid.paste(_thumbnail(image[0]), (x + 12, y + 4))
        draw.rectangle((x + 9, y + 1, x + CELL - 10, y + 67), outline=RIGHT if right else WRONG, width=3)
        caption = str(guess) if right else f"{guess}, not {label}"
        draw.text((x + CELL // 2, y + 75), caption, fill=RIGHT if right else WRONG, anchor="mm")
    return grid


def _thumbnail(image: Tensor) -> Image.Image:
    low, high = image.min(), image.max()
    pixels = ((image - low) / (high - low).clamp(min=1e-6) * 255).byte().numpy()
    return Image.fromarray(pixels).resize((CELL - 24, CELL - 24))


def log_picture(logger: Logger, picture: Image.Image, epoch: int) -> None:
    if isinstance(logger, TensorBoardLogger):
        pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        pixels = pixels.view(picture.height, picture.width, 3)
        logger.experiment.add_image("predictions", pixels, epoch, dataformats="HWC")
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_image(logger.run_id, picture, f"predictions/epoch_{epoch:03d}.png")
    elif isinstance(logger, CSVLogger):
        folder = Path(logger.log_dir) / "predictions"
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"epoch_{epoch:03d}.png")
