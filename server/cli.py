"""The command line: shiftscope serve | worker | run | export | runs | check."""

import typer

from . import serve_command

app = typer.Typer(
    help="Watch what normalization does to a network while it trains.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("serve")(serve_command.serve)


@app.callback()
def _commands() -> None:
    pass


def main() -> None:
    """Run the command line."""
    app()
