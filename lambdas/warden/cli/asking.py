"""Questions that a command asks before it changes what cannot be had back."""

import sys

import click


def agree(question: str, instead: str) -> None:
    """Ask, and end the command with 1 where the answer is no; with 2 where there is nobody to ask.

    Args:
        question: With its question mark.
        instead: What to give where nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: give {instead}")
    click.confirm(question, abort=True, err=True)
