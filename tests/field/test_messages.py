"""How a mistake is told: by the last line, whoever finds it."""

from tests.field.table import SEARCH, Case, check, table


@table(
    # by the sweep: the line is all
    Case("trainer.max_epochs=ten", r"\Atrainer\.max_epochs: expected a whole number, got ten\.\n\Z", 1),
    Case("hydra.sweeper.n_trials=x", r"\Ahydra\.sweeper\.n_trials: expected a whole number", 1),
    Case("hydra.sweep.dir=???", r"\Ahydra\.sweep\.dir: Missing mandatory value: .*\n\Z", 1),
    Case("hydra.sweep.dir='${z}/a'", r"\Ahydra\.sweep\.dir: Interpolation key 'z' not found\.\n\Z", 1),
    Case("hydra.launcher.timeout_min='${q}'", r"\Ahydra\.launcher\.timeout_min: .*'q' not found\.\n\Z", 1),
    Case("optimized_metric=???", r"\Aoptimized_metric is not set: .*\n\Z", 1),
    Case("hydra.sweeper.pruner=x", r"\Ahydra\.sweeper\.pruner: expected a _target_, got x\. .*\n\Z", 1),
    Case("hydra.sweeper.seed=???", r"\Ahydra\.sweeper\.seed: Missing mandatory value: seed\.\n\Z", 1),
    Case("seed='${oc.env:NOPE}'", r"\Ahydra\.sweeper\.seed: .*variable 'NOPE' not found.*\n\Z", 1),
    Case(
        "hydra.sweeper.storage='${y}'",
        r"\Ahydra\.sweeper\.storage: .*key 'y' not found\.\n\Z",
        1,
    ),
    # by Hydra, which says more before
    Case("model=mnsit", r"Unknown choice of model 'mnsit'\. Did you mean mnist\? Valid: mnist\.\n\Z", 1),
    Case("hydra/sweeper=opt", r"Unknown choice of hydra/sweeper 'opt'\. .* basic, optuna\.\n\Z", 1),
    Case("model.optimizer.lrr=0.1", r"\nmodel\.optimizer\.lrr: .* Did you mean model\.optimizer\.lr\?", 1),
    Case("hydra=x", r"\nCould not override 'hydra'\. No match in the defaults list\. .*\n\Z", 1),
    Case("tags=[a", r"\ntags=\[a: no viable alternative at input '\[a' .*\n\Z", 1),
    Case("++=3", r"\nforce-add of config groups is not supported: '\+\+=3'\.\n\Z", 1),
)
def test_it_comes_last(case, train, tmp_path):
    check(case, train, tmp_path)


def test_the_traceback_is_there_for_who_asks(train):
    done = train(*SEARCH, "hydra.sweeper.n_trials=x", check=False, HYDRA_FULL_ERROR="1")
    assert "Traceback" in done.stderr
    assert "got 'x'" in done.stderr.splitlines()[-1]


def test_a_dry_run_is_refused_as_a_start_would_be(train, tmp_path):
    done = train(*SEARCH, "hydra.sweeper.dry_run=true", "hydra.sweep.dir=/proc/sweep", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The sweep's folder cannot be written: ")
    assert "Nothing was written" not in done.stdout
    assert "Not looked at, for that takes heavy imports: " in done.stdout
    assert list(tmp_path.iterdir()) == []
