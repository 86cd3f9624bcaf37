"""A worker: one job of the launcher, which claims trials and runs each in a process of its own.

`job` is what the launcher calls; `worker` claims, as many as `slots` allows by its readings of the `gpu`;
`attempt` takes one claimed trial from its proposal to what is told of it; `process` is its forked child,
seen from here, and `trial` the child from within.
`rank`, `reports`, `siblings` and `follower` are for jobs of several tasks. Imports study and space. Must
not touch CUDA nor start threads before it forks, and knows nothing of its supervisor but what the study
says.
"""
