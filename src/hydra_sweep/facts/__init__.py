"""What `report.html` knows: `collect` makes it, one JSON object, of a study and the folder of its sweep;
`write` and `command_line` bring it to the user. The other files are an idea each: `importance`, `timeline`,
`hints` and the like, functions of what `seen` has read.

Reads the study, whoever made it, and writes nothing to it. Knows nothing of how it is shown, which is for
`report/page`. Imports report, space and study.
"""
