"""The process that the user started: from the checks to the report.

`main` has the stages up to the start in order, `supervise` those after it. `defaults` and `study_name` fill
in what was left open, `enqueue` and `warm_start` look up what is known, `lock` keeps a second supervisor
off, `open_study` prepares and fills the queue, `started` says by what command, `launching` makes the
launcher; `supervisor` watches the trials and `workers` their workers, with those of a supervisor before
(`earlier_workers`) and their end (`end_workers`). Imports all rooms but those for Lightning and MLflow,
and nothing heavy.
"""
