"""Commands of lightning-hydra-template: each does here what it does there, or says how it is called."""

import pytest

from tests.field.table import Case, check, table


@table(
    # config groups whose files are in common/
    Case("logger=csv", r"CSVLogger"),
    Case("logger=[csv,tensorboard]", (r"CSVLogger", r"TensorBoardLogger")),
    Case("logger=many_loggers", (r"CSVLogger", r"TensorBoardLogger", r"MLFlowLogger")),
    Case("logger=none", r"(?m)^logger: \{\}|^optimized"),
    Case("logger=null", r"(?m)^logger: null"),
    Case("~logger", r"A trial"),
    Case("logger=csv common/logger@logger=tensorboard", r"A trial"),
    Case("common/logger@logger=tensorboard", r"TensorBoardLogger"),
    Case("'logger=choice(csv,tensorboard)'", r"common/logger@logger.*(csv|tensorboard)"),
    Case("logger=csv,tensorboard", r"common/logger@logger.*(csv|tensorboard)"),
    Case("'callbacks=choice(none,default)'", r"common/callbacks@callbacks"),
    Case("callbacks=none", r"(?m)^optimized_metric"),
    Case("callbacks=[model_checkpoint,pruning]", (r"ModelCheckpoint", r"Pruning")),
    Case("~callbacks.early_stopping", r"A trial"),
    Case("experiment=mon_experience logger=csv callbacks=none", r"CSVLogger"),
    Case("logger.mlflow.experiment_name=mine", r"experiment_name: mine"),
    # the trainer, which is a group beside what config_base says of it
    Case("trainer=cpu", r"accelerator: cpu"),
    Case("trainer=cpu trainer.max_epochs=3", r"max_epochs: 3"),
    Case("trainer=ddp_sim hydra.launcher.tasks_per_node=2", r"strategy: ddp_spawn"),
    Case("debug=default", (r"task_name: debug", r"(?m)^callbacks: null")),
    Case("debug=fdr", r"fast_dev_run: true"),
    Case("debug=profiler", r"profiler: simple"),
    Case("+trainer.fast_dev_run=true", r"fast_dev_run: true"),
    Case("tags=[a,b] seed=123 task_name=x model.compile=true test=false", r"task_name: x"),
)
def test_it_means_the_same(case, train, tmp_path):
    check(case, train, tmp_path)


@table(
    Case("logger=cvs", r"Could not find 'common/logger/cvs'", code=1),
    Case("logger=5", r"Unknown choice of common/logger@logger '5'\. Valid: csv, many", code=1),
    Case("callbacks=5", r"Unknown choice of common/callbacks@callbacks '5'\. Valid: ", code=1),
    Case(
        "'+hydra.sweeper.params.logger=\"choice(csv,tensorboard)\"'",
        r"logger=\w+: this is filled by a config group\. Choose common/logger@logger=",
        code=1,
    ),
    Case("'logger=choice(csv,cvs)'", r"'cvs'\. Did you mean csv\?", code=1),
    Case("trainer=ddp", r"trainer\.|hydra\.launcher\.tasks_per_node", code=1),
    Case("experiment=example", r"Could not find 'experiment/example'", code=1),
    Case("extras.print_config=false", r"extras: there is no such key|extras", code=1),
    Case("paths=default", r"paths", code=1),
)
def test_what_is_not_there_is_told(case, train, tmp_path):
    check(case, train, tmp_path)


@pytest.mark.parametrize("group", ["callbacks", "logger"])
def test_a_yaml_with_the_templates_word_is_told_how_it_is_called_here(train, tmp_path, group):
    experiment = tmp_path / "configs/experiment/own.yaml"
    experiment.parent.mkdir(parents=True)
    experiment.write_text(f"# @package _global_\ndefaults:\n  - override /{group}: none\n")
    done = train("experiment=own", f"hydra.searchpath=[file://{tmp_path}/configs]", check=False)
    assert done.returncode == 1
    assert f"{group}: here it is override /common/{group}@{group}." in done.stderr
