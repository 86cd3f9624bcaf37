"""The search space: its `grammar`, the `samplers`, the `proposal` that one makes in it, how to `compose`
the configuration that comes of one, and the `targets`, the classes that this names.

`auto` says which sampler, where that is left open; `points` are those that the user names, `values` what is
in a distribution. `untried` and `lookback` say which of a study's trials a proposal is to come of. Imports
Optuna and Hydra, and of the package errors, settings and the study's trials. Knows nothing of storages, of
workers, or of what a trial does with its configuration.
"""
