"""`python -m hydra_sweep`: trials that a person changes."""

from hydra_sweep.by_hand.command_line import main
from hydra_sweep.command_line import mistakes_alone

if __name__ == "__main__":
    with mistakes_alone():
        main()
