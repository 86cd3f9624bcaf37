"""`study=new`, by the real command."""

from omegaconf import OmegaConf

from hydra_sweep.study.storage import StudyAddress


def test_a_new_study_takes_the_next_free_name(toy, tmp_path):
    for _ in range(2):
        toy("hydra.sweeper.study=new", "hydra.sweeper.n_trials=2")
    for name in ("toy", "toy_2"):
        folder = tmp_path / "multirun" / name
        assert len(StudyAddress(name, folder).load().trials) == 2
        hydra = OmegaConf.load(folder / "1/.hydra/hydra.yaml").hydra
        assert hydra.sweeper.study_name == name
    # What it prints to go on with does not begin another one.
    done = toy("hydra.sweeper.study=new", "hydra.sweeper.timeout=2", "seconds=[60,60,60,60]")
    command = done.stdout.split("Go on with:")[1].splitlines()[1]
    assert "hydra.sweeper.study_name=toy_3" in command
    assert "study=new" not in command
