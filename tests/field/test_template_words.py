"""What users of lightning-hydra-template type: it works here, or a line says how it is called."""

from tests.field.table import Case, check, table


@table(
    Case("logger=csv", r"\nlogger:\n  csv:\n    _target_: lightning\.pytorch\.loggers\.csv_logs"),
    Case("logger=tensorboard", r"\nlogger:\n  tensorboard:\n"),
    Case("logger='[csv,tensorboard]'", (r"\nlogger:\n  csv:\n", r"\n  tensorboard:\n")),
    Case("logger=many_loggers", (r"\n  csv:\n", r"\n  mlflow:\n", r"\n  tensorboard:\n")),
    Case("logger='choice(csv,tensorboard)'", r"common/logger@logger +│ choice\(csv, tensorboard\)"),
    Case("experiment=mon_experience logger=csv", r"\nlogger:\n  csv:\n"),
    Case("callbacks=none", r"\ncallbacks:\n  model_summary: null\n"),
    Case("callbacks=default", r"\n  early_stopping:\n"),
    Case("callbacks='[model_checkpoint,rich_progress_bar]'", r"\n  model_checkpoint:\n"),
    Case("~callbacks.early_stopping", r"\n  model_checkpoint:\n"),
    Case("trainer=cpu trainer.max_epochs=20 model.optimizer.lr=1e-4", r"\n  accelerator: cpu\n"),
    Case("trainer=ddp_sim hydra.launcher.tasks_per_node=2", r"\n  strategy: ddp_spawn\n"),
    Case("debug=fdr", (r"\ntask_name: debug\n", r"\n  fast_dev_run: true\n", r"\nlogger: null\n")),
    Case("debug=overfit", r"\n  overfit_batches: 3\n"),
    Case("+trainer.gradient_clip_val=0.5", r"\n  gradient_clip_val: 0\.5\n"),
    Case("+trainer.max_time='\"00:12:00:00\"'", r"\n  max_time: 00:12:00:00\n"),
    Case('tags=\'["mnist","experiment_X"]\'', r"\ntags:\n- mnist\n- experiment_X\n"),
    Case("data.batch_size=32,64,128", r"data\.batch_size +│ choice\(32, 64, 128\)"),
    Case("seed=1,2,3,4,5 trainer.deterministic=True logger=csv", r"seed +│ choice\(1, 2, 3, 4, 5\)"),
    Case("'experiment=glob(*)'", r"experiment +│ choice\(mon_experience\)"),
    Case("experiment=mon_experience.yaml", r"\n  gradient_clip_val: 0\.5\n"),
    Case("task_name=mine", r"/logs/mine/multiruns/mnist_optuna"),
)
def test_it_works(case, train, tmp_path):
    check(case, train, tmp_path)


@table(
    Case("trainer=gpu", r"trainer\.accelerator=gpu: this machine shows no GPU", 1),
    Case(
        "trainer=ddp trainer.devices=4", r"this machine shows no GPU|hydra\.launcher\.tasks_per_node=4", 1
    ),
    Case("trainer=tpu", r"\nUnknown choice of trainer 'tpu'\. .*Valid: cpu, ddp, .* mps\.\n\Z", 1),
    Case("logger=wandb", r"\nUnknown choice of common/logger 'wandb'\. Valid: csv, .*\n\Z", 1),
    Case("logger=null", r"Unknown choice of common/logger@logger 'null'\. Valid: .* none, ", 1),
    Case("callbacks=5", r"Unknown choice of common/callbacks@callbacks '5'\. Valid: .* none, ", 1),
    Case("callbacks.early_stoping=null", r"Did you mean callbacks\.early_stopping\?", 1),
    Case("extras.print_config=false", r"\nextras: there is no such key\. .*\n\Z", 1),
    Case("datamodule.batch_size=3", r"\ndatamodule: there is no such key\. .*\n\Z", 1),
    Case("debug=step", r"\nUnknown choice of debug 'step'\. Valid: default, fdr, limit, .*\n\Z", 1),
)
def test_a_line_says_how_it_is_called_here(case, train, tmp_path):
    check(case, train, tmp_path)
