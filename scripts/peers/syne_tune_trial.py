"""A trial of syne_tune_asha.py."""

import argparse

from syne_tune import Reporter

from scripts.peers.loop import CHOICES, Search, train


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    for name in CHOICES:
        parser.add_argument(f"--{name}", type=int)
    parameters = vars(parser.parse_known_args()[0])
    report = Reporter()
    for epoch, best in train(parameters, Search.from_arguments()):
        report(epoch=epoch, best=best)


if __name__ == "__main__":
    main()
