import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader

from src.data.tensor_dataset import ImageTensorDataset
from src.models.components.simple_dense_net import SimpleDenseNet
from src.models.mnist_module import MNISTLitModule


class Loaders:
    """Two batches of unlike size."""

    def __init__(self, n: int = 48) -> None:
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, 10, (n,), generator=generator)
        self.data = ImageTensorDataset(images, labels, torch.arange(len(labels)), 0.5, 0.5)

    def loader(self) -> DataLoader:
        return DataLoader(self.data, batch_size=32, collate_fn=lambda batch: batch)


def quiet_trainer(**kwargs) -> Trainer:
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **kwargs,
    )


def model(net: nn.Module | None = None, lr: float = 1e-2) -> MNISTLitModule:
    return MNISTLitModule(
        net or SimpleDenseNet(784, 16, 16, 16), lambda params: torch.optim.SGD(params, lr)
    )


def test_the_net_maps_images_to_logits_through_its_three_sizes():
    net = SimpleDenseNet(784, 8, 16, 32, 10)
    assert net(torch.zeros(4, 1, 28, 28)).shape == (4, 10)
    sizes = [layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear)]
    assert sizes == [8, 16, 32, 10]


def test_metrics_are_those_of_all_images_at_once():
    loaders, ours = Loaders(), model()
    trainer = quiet_trainer()
    trainer.test(ours, loaders.loader(), verbose=False)
    images, labels = loaders.data.__getitems__(list(range(48)))
    with torch.no_grad():
        logits = ours.eval()(images)
    metrics = trainer.callback_metrics
    torch.testing.assert_close(metrics["test/loss"], nn.functional.cross_entropy(logits, labels))
    torch.testing.assert_close(metrics["test/acc"], (logits.argmax(1) == labels).float().mean())


def test_training_logs_its_metrics_and_the_best_of_them():
    loaders, seen = Loaders(), []
    ours = model()

    class Keep(MNISTLitModule):
        def on_validation_epoch_end(self):
            super().on_validation_epoch_end()
            if not self.trainer.sanity_checking:
                seen.append(float(self.trainer.callback_metrics["val/acc"]))

    ours.__class__ = Keep
    trainer = quiet_trainer(max_epochs=5)
    trainer.fit(ours, loaders.loader(), loaders.loader())
    assert set(trainer.callback_metrics) == {
        "model/params",
        "train/loss",
        "train/acc",
        "val/loss",
        "val/acc",
        "val/acc_best",
    }
    assert len(seen) == 5
    assert float(trainer.callback_metrics["val/acc_best"]) == pytest.approx(max(seen))


def test_training_is_what_a_bare_loop_does():
    loaders, ours = Loaders(), model()
    reference = SimpleDenseNet(784, 16, 16, 16)
    reference.load_state_dict(ours.net.state_dict())
    quiet_trainer(max_epochs=1).fit(ours, loaders.loader(), loaders.loader())
    optimizer = torch.optim.SGD(reference.parameters(), 1e-2)
    for images, labels in loaders.loader():
        optimizer.zero_grad()
        nn.functional.cross_entropy(reference(images), labels).backward()
        optimizer.step()
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(ours.net.state_dict()[name], value)
