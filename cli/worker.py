"""Run the jobs of a workspace in the foreground, for example as a service."""

from __future__ import annotations

import typer

from suture.cli.common import Home, err
from suture.data.workspace import Workspace

commands = typer.Typer()


@commands.command()
def worker(home: Home = None) -> None:
    """Run queued jobs until stopped, SUTURE_HEAVY_JOBS at a time (default 1).

    The app starts a worker by itself if none is running; this command runs one as a service.
    """
    from suture.jobs.dispatcher import serve

    workspace = Workspace(home)
    err.print("Running the jobs of this workspace. Stop with Ctrl-C; running jobs go back to the queue.")
    try:
        serve(workspace)
    except KeyboardInterrupt:
        err.print("Stopped.")
