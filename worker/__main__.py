"""`python -m worker` is `callfirst`."""

from worker.cli.app import app

app()
