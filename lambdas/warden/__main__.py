"""`python -m warden`: the command."""

from warden.cli.main import main

main(prog_name="warden")
