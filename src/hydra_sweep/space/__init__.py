"""The search space: its `grammar`, with the `conditions`, `references` and `lists` that tie parameters to
each other, of which the `builder` makes a `search_space`; the `proposal` that a sampler makes in it,
`fitted` to it and drawn to a `prior`; how to `compose` the configuration that comes of one, and the
`targets`, the classes that this names.

`untried` and `lookback` say which of a study's trials a proposal is to come of. Imports Optuna and Hydra,
and of the package errors and the study's trials. Knows nothing of storages, of workers, or of what a trial
does with its configuration.
"""
