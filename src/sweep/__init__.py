"""The orchestrator: an Optuna study as the queue, jobs of a Hydra launcher as its workers.

`supervisor` runs in the process the user started, `worker` in each job, `trial` in each fork of a
worker. They meet only in the study (`queue`). Nothing here knows torch, Lightning or MLflow.
"""
