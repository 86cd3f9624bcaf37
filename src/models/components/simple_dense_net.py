from torch import Tensor, nn


class SimpleDenseNet(nn.Module):
    """Three hidden layers, each linear, batch norm and ReLU, on flattened images.

    Maps (B, C, H, W) with C·H·W = `input_size` to logits (B, `output_size`).
    """

    def __init__(
        self,
        input_size: int = 784,
        lin1_size: int = 256,
        lin2_size: int = 256,
        lin3_size: int = 256,
        output_size: int = 10,
    ) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *_hidden(input_size, lin1_size),
            *_hidden(lin1_size, lin2_size),
            *_hidden(lin2_size, lin3_size),
            nn.Linear(lin3_size, output_size),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.flatten(1))


def _hidden(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()]
