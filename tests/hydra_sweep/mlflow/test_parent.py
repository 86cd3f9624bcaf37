"""The sweep's run in MLflow."""

import mlflow

from hydra_sweep.code.version import CodeVersion
from hydra_sweep.mlflow import Tracker
from hydra_sweep.settings import Settings
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.sweep import Plan


def test_the_parent_run_says_which_code_worked_last(compose_cfg, tmp_path):
    cfg = compose_cfg()
    settings = Settings(sampler={}, pruner={}, study_name="one")
    plan = {"address": StudyAddress("one", tmp_path), "settings": settings, "space": SearchSpace({}, [])}
    attrs = Tracker().prepare(cfg, Plan(**plan, code=CodeVersion("a1b2", "main", "")))
    client = mlflow.MlflowClient(cfg.logger.mlflow.tracking_uri)
    for code, dirty in ((None, "false"), (CodeVersion("c3d4", "main", "# untracked: x"), "true")):
        Tracker().prepare(cfg, Plan(**plan, attrs=attrs, code=code))
        tags = client.get_run(attrs["mlflow_parent_run_id"]).data.tags
        assert tags["mlflow.source.git.commit"] == (code.commit if code else "a1b2")
        assert tags["mlflow.source.git.dirty"] == dirty
