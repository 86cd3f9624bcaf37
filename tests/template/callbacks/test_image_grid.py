import pytest
import torch

from src.callbacks.image_grid import CELL, COLUMNS, RIGHT, WRONG, draw_grid


@pytest.mark.parametrize(("n", "rows"), [(1, 1), (8, 1), (9, 2)])
def test_the_grid_holds_all_images(n, rows):
    picture = draw_grid(torch.rand(n, 1, 28, 28), torch.zeros(n).long(), torch.zeros(n).long())
    assert picture.size == (COLUMNS * CELL, rows * CELL)


def test_right_and_wrong_are_told_apart():
    labels, predicted = torch.tensor([1, 2]), torch.tensor([1, 3])
    picture = draw_grid(torch.rand(2, 1, 28, 28), labels, predicted)
    frame = [picture.getpixel((i * CELL + 10, 30)) for i in range(2)]
    assert frame == [RIGHT, WRONG]
