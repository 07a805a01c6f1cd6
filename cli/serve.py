"""Open the app; make the demo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import Home, bar, err
from data.errors import UserError
from data.workspace import Workspace

SAFE = (  # also where the project's .streamlit/config.toml is not installed
    *("--server.address", "127.0.0.1", "--server.headless", "true"),
    *("--browser.gatherUsageStats", "false", "--client.showErrorDetails", "none"),
    *("--client.showSidebarNavigation", "false", "--server.fileWatcherType", "none"),
)
commands = typer.Typer()


@commands.command("app")
def app_command(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501, home: Home = None
) -> None:
    """Open the app in a browser. It listens on this machine only."""
    _serve(Workspace(home), port)


@commands.command()
def demo(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    home: Home = None,
    serve: Annotated[bool, typer.Option(help="Open the app when all is ready.")] = True,
) -> None:
    """Make the synthetic demo collection, embed and measure it, and open the app on it."""
    from models.demo import prepare

    if serve:
        _refuse_taken_port(port)  # before minutes of work
    workspace = Workspace(home)
    with bar(False) as shown:
        tasks: dict[str, Any] = {}

        def say(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=100)
            shown.update(tasks[what], completed=round(100 * share))

        prepare(workspace, say, maps=not serve)
    if serve:
        _serve(workspace, port)


def _serve(workspace: Workspace, port: int) -> None:
    import app as entry

    _refuse_taken_port(port)

    root = Path(entry.__file__).parent
    environment = {**os.environ, "SUTURE_HOME": str(workspace.home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py"), *SAFE]
    threading.Thread(target=_open_browser, args=(port,), daemon=True).start()
    try:
        subprocess.run([*command, "--server.port", str(port)], env=environment, cwd=root, check=False)
    except KeyboardInterrupt:
        err.print("Stopped.")


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is in use on this machine. Choose another with --port."
            raise UserError("port_taken", message) from error


def _open_browser(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                break
        except OSError:
            time.sleep(0.5)
    if sys.stdout.isatty():
        webbrowser.open(url)
