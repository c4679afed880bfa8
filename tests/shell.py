"""The commands of the shell, as tests list them."""

import click

from cpecgeo.cli import app


def commands(group=app, words=()):
    """Yield the name and the command of all commands, of groups too."""
    context = click.Context(app)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command
