import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning.rehearsal import check_metrics

LOGS = "+callbacks.own={_target_: tests.hydra_sweep.lightning.test_rehearsal.Own}"


class Own:
    def on_validation_end(self, trainer, pl_module):
        pl_module.log("own", 1.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], None),
        (["optimized_metric=[val/acc,train/loss]"], None),
        (["optimized_metric=test/acc", "test=true"], None),
        (["optimized_metric=null"], None),
        (["monitor=own", LOGS], None),  # what a callback logs is not known
        (["model.net.lin1_size=2000000000", "monitor=own"], None),  # nor can this be tried here
        (
            ["optimized_metric=test/acc", "test=false"],
            "optimized_metric, callbacks.pruning.monitor=test/acc",
        ),
        (["optimized_metric=val/ac"], "Did you mean val/acc?"),
        (
            ["callbacks.early_stopping.monitor=x"],
            "callbacks.early_stopping.monitor=x: the model logs no such",
        ),
        (["callbacks.model_checkpoint.monitor=step"], None),  # which Lightning has
        (["callbacks.early_stopping.monitor=x", "callbacks.early_stopping.strict=false"], None),
        (["+callbacks.own={_target_: builtins.dict, monitor: cpu}"], None),  # not Lightning's word
        (["optimized_metric=[val/acc,b]"], "optimized_metric=b: the model logs no such metric."),
    ],
)
def test_what_is_watched_must_be_logged(compose_cfg, tmp_path, words, message):
    before = list(tmp_path.iterdir())
    cfg = compose_cfg("data.num_workers=0", *words)
    if message is None:
        check_metrics(cfg)
    else:
        with pytest.raises(SweepError) as caught:
            check_metrics(cfg)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == before


def test_what_a_constraint_names_and_the_model_does_not_log_is_said(compose_cfg, capsys):
    lines = '["val/acuracy > 0.5", "val/loss < 3", "model.optimizer.lr < 1"]'
    check_metrics(compose_cfg("data.num_workers=0", f"+hydra.sweeper.constraints={lines}"))
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("hydra.sweeper.constraints: the model logs no val/acuracy: trials have to")
    assert "Did you mean val/acc" in said
