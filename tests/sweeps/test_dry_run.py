"""`dry_run=true`, by the real command."""


def test_a_dry_run_shows_the_sweep_and_writes_nothing(toy, tmp_path):
    done = toy("hydra.sweeper.dry_run=true", "seconds=[1,2]")
    for shown in ("interval(0.0, 1.0)", "seconds=[1,2]", "Study toy is new", "4 trials on 1 worker,"):
        assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []
