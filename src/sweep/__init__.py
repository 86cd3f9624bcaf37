"""The orchestrator: an Optuna study as the queue, jobs of a Hydra launcher as its workers.

`run` and `supervisor` are the process the user started, `worker` is each job, `trial` each fork of a
worker. They meet only in the study (`queue`). Nothing here knows torch, Lightning or MLflow.
"""
