"""`python -m supportctl`: see commands.py."""

from supportctl.commands import app

app()
