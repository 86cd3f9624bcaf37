"""Trials that a person changes, by `python -m hydra_sweep`, between two starts of a sweep.

`command_line` reads the arguments, `study` finds the sweep and sees to it that nobody works on it,
`changes` are what may become of which trial, `show` says so. It works on a folder and its study, and
composes no configuration. Imports all rooms but those for Lightning and MLflow.
"""
