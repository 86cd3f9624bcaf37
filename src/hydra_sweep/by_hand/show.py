"""What changes, before it does."""

from rich.table import Table

from hydra_sweep.by_hand.changes import Change
from hydra_sweep.console import console, say
from hydra_sweep.report.words import WORDS, ended_line, short_params


def show(change: Change) -> None:
    """A table in a terminal; else a line for each trial."""
    if console().is_terminal:
        console().print(_table(change))
    else:
        for trial in change.trials:
            say(f"{ended_line(trial)} -> {change.becomes}  {short_params(trial)}".rstrip())
    for line in change.then:
        say(line)


def _table(change: Change) -> Table:
    table = Table(header_style="bold")
    for column in ("trial", "state", "becomes", "value", "parameters", "reason"):
        table.add_column(column)
    for trial in change.trials:
        was, style = WORDS[trial.state]
        values = " ".join(f"{value:.6g}" for value in trial.values or ())
        reason = trial.user_attrs.get("reason") or ""
        table.add_row(
            str(trial.number), was, change.becomes, values, short_params(trial), reason, style=style
        )
    return table
