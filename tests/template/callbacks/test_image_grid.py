import pytest
import torch

from src.callbacks.image_grid import CELL, COLUMNS, RIGHT, WRONG, are_labelled_images, draw_grid


@pytest.mark.parametrize(("n", "rows"), [(1, 1), (8, 1), (9, 2)])
def test_the_grid_holds_all_images(n, rows):
    picture = draw_grid(torch.rand(n, 1, 28, 28), torch.zeros(n).long(), torch.zeros(n).long())
    assert picture.size == (COLUMNS * CELL, rows * CELL)


def test_right_and_wrong_are_told_apart():
    labels, predicted = torch.tensor([1, 2]), torch.tensor([1, 3])
    picture = draw_grid(torch.rand(2, 1, 28, 28), labels, predicted)
    frame = [picture.getpixel((i * CELL + 10, 30)) for i in range(2)]
    assert frame == [RIGHT, WRONG]


@pytest.mark.parametrize(
    ("batch", "fits"),
    [
        ((torch.rand(2, 1, 8, 8), torch.tensor([1, 2])), True),
        ([torch.rand(2, 1, 8, 8), torch.tensor([1, 2])], True),
        ((torch.rand(2, 10), torch.rand(2)), False),
        ((torch.rand(2, 1, 8, 8), torch.rand(2)), False),
        ((torch.rand(2, 3, 8, 8), torch.tensor([1, 2])), False),
        ((torch.rand(2, 1, 8, 8), torch.zeros(2, 8, 8).long()), False),
        (torch.rand(2, 1, 8, 8), False),
        ({"x": torch.rand(2, 1, 8, 8)}, False),
        ((["a", "b"], torch.tensor([1, 2])), False),
    ],
)
def test_only_of_labelled_images_there_is_a_grid(batch, fits):
    assert are_labelled_images(batch) == fits
