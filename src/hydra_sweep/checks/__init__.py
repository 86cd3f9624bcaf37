"""What is found before anything is written or started.

`search` looks at what of sampler, pruner, space and directions goes together, `settings` at each of them
and at the functions that `hydra.sweeper` names; `examples` composes trials of the space, `configuration`
looks at what these name; `hooks` has the task's own checks look at them; `resumed_study` compares with what
a study was begun with. Imports study and space, and nothing heavy: this is the process that the user
started. Raises SweepError, and starts nothing.
"""
