"""The application's code: `project`, where it lies; `version`, what git says of it; `snapshot`, the copy
that workers may run from.

Imports Hydra's loader and git, and of the package the study, which keeps the version. Knows nothing of
trials.
"""
