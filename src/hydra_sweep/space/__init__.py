"""The search space: its `grammar`, with the `conditions`, `references` and `lists` that tie parameters to
each other, of which the `builder` makes a `search_space`; the `samplers`, the `proposal` that one makes,
`fitted` to it and drawn to a `prior`; how to `compose` the configuration, and the `targets` that it names.

`auto` says which sampler, where that is left open; `given` are parameters from elsewhere, as `points` that
the user names. `untried` and `lookback` say which of a study's trials a proposal is to come of. Imports
Optuna and Hydra, and of the package errors, settings and the study's trials. Knows nothing of storages, of
workers, or of what a trial does with its configuration.
"""
