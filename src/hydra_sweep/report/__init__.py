"""What the user sees: `progress`, the live table and its lines; `results`, what is printed and written at
the end, with the `commands` to go on; the best `in_hand`, whose configuration is an `experiment`;
`dry_run`; and `words`, which they share.

Reads the study and writes nothing to it. Imports rich, study, space, code, and of the checks what has
changed. Decides nothing: what is to be done about a trial is the supervisor's business.
"""
