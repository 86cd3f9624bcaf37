"""How a sweep stands, for who is not its supervisor: `python -m hydra_sweep status`.

`command_line` reads the arguments, `find` finds the study, `workers` asks who works on it, `show` prints
it, once or until it ends. It only reads, takes no lock, and composes no configuration. Imports study,
launcher, report, facts and supervisor.
"""
