"""Jobs that are watched: how they are started, asked after and ended.

`base` is what a sweep asks of any launcher, `state` how it says a job is; `local` has processes of this
machine, `slurm` jobs of a cluster. Imports hydra-submitit-launcher and submitit, and of the package only
errors. Knows nothing of studies: a worker is a function to call. Hydra finds these by their adapters in
`hydra_plugins`.
"""
