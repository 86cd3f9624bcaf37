"""The search space: its `grammar`, the `proposal` that a sampler makes in it, how to `compose` the
configuration that comes of one, and the `targets`, the classes that this names.

Imports Optuna and Hydra, and of the package only errors. Knows nothing of studies that are stored, of
workers, or of what a trial does with its configuration.
"""
