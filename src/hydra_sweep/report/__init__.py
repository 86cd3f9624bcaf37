"""What the user sees. While a sweep runs, by `progress`: the `picture` of it, or a line for each of the
`changes`, and the `time_left`. At its end, by `results`: what is printed, in `columns` that fit, and what
is written, with the `commands` to go on; the best `in_hand`, whose configuration is an `experiment`.
And `dry_run`, and `words`, which they share.

Reads the study and writes nothing to it. Imports rich, study, space, code, and of the checks what has
changed. Decides nothing: what is to be done about a trial is the supervisor's business.
"""
