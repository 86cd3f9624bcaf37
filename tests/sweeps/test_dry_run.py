"""`dry_run=true`, by the real command."""


def test_a_dry_run_shows_the_sweep_and_writes_nothing(toy, tmp_path):
    constraints = 'hydra.sweeper.constraints=["x < 0.5", "cost < 3"]'
    done = toy("hydra.sweeper.dry_run=true", "seconds=[1,2]", constraints)
    for shown in (
        "Constraints: x < 0.5; cost < 3 (once it has run).",
        "interval(0.0, 1.0)",
        "seconds=[1,2]",
        "Study toy is new",
        "4 trials on 1 worker,",
    ):
        assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []
