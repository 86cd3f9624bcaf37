from torch import nn


class Net(nn.Sequential):
    def __init__(self, width: int = 8) -> None:
        super().__init__(nn.Linear(2, width), nn.Dropout(0.1), nn.ReLU(), nn.Linear(width, 1))
