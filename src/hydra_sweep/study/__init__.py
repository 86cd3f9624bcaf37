"""The study as the queue: how it is stored, how its trials are claimed, told and put back, and by whom.

`queue` has the states and their changes, `pausing` those at a rung, `promotion` who goes on from there,
`birth` makes a trial, `trials` is what a process knows of all, `outcome` what ends one how; `storage` opens
a study, `inherited` in a fork, `journal` is its file, `database` the other, `folder` its own; `retry` waits
for a database, `failure_rate` says when to give up, `found` which study is a folder's, `starts` how its
sweep began, `reopen` undoes an end, `secrets` keeps the password out of files, `current` is the trial of
this process, a `live_trial`. Imports Optuna, and of the package errors, pruners and settings. Knows neither
launchers nor which process calls.
"""
