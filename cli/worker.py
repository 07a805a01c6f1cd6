"""Hand out the jobs of a workspace in the foreground, as a service does."""

from __future__ import annotations

import typer

from suture.cli.common import Home, err
from suture.data.workspace import Workspace

commands = typer.Typer()


@commands.command()
def worker(home: Home = None) -> None:
    """Run the queued jobs of the workspace until stopped. SUTURE_HEAVY_JOBS at a time (default 1).

    The app starts a worker by itself where none runs; this one is for a service of its own.
    """
    from suture.jobs.dispatcher import serve

    workspace = Workspace(home)
    err.print("Running the jobs of this workspace. Stop with Ctrl-C: what is at work will wait.")
    try:
        serve(workspace)
    except KeyboardInterrupt:
        err.print("Stopped.")
