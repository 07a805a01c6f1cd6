"""Open the app; build the demo."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

import suture
from suture.cli.common import Home, bar, err
from suture.data.errors import UserError
from suture.data.workspace import Workspace

APP = Path(suture.__file__).with_name("app.py")
SETTINGS = APP.parent / ".streamlit" / "config.toml"
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")]
commands = typer.Typer()


@commands.command("app")
def app_command(
    port: Port = 8501,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but this machine's own needs a log-in.")
    ] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Open the app in a browser. It listens on this machine only, and asks for the token that it prints.

    The token is SUTURE_TOKEN if that is set. If it is set to an empty string, no token is needed.
    """
    _serve(Workspace(home), port, host)


@commands.command()
def demo(
    port: Port = 8501,
    home: Home = None,
    serve: Annotated[bool, typer.Option(help="Open the app when the demo is ready.")] = True,
) -> None:
    """Build the synthetic demo collection, embed and measure it, and open the app."""
    from suture.workflows.demo import prepare

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


def _serve(workspace: Workspace, port: int, host: str = "127.0.0.1") -> None:
    _refuse_taken_port(port)
    token = os.environ.get("SUTURE_TOKEN", secrets.token_urlsafe(24))
    environment = {**os.environ, "SUTURE_HOME": str(workspace.home), "HF_HUB_OFFLINE": "1"}
    environment["SUTURE_TOKEN"] = token
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(APP), *server_flags(host, port)]
    url = f"http://127.0.0.1:{port}"
    threading.Thread(target=_open_browser, args=(url, token), daemon=True).start()
    server = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())  # ended by a service manager, it ends too
    try:
        code = server.wait()
    except KeyboardInterrupt:
        err.print("Stopped.")
    else:
        raise typer.Exit(code if code >= 0 else 128 - code)


def server_flags(host: str, port: int) -> list[str]:
    """Every setting of the packaged `.streamlit/config.toml` as a flag of `streamlit run`.

    Streamlit also reads the config.toml of the folder that it is started from and of the home folder, and
    STREAMLIT_... variables. Those belong to other apps: their theme would hide Suture's colours, and their
    address or XSRF setting would open a server that holds studies. Flags win over all of them. What Suture
    does not set, such as `server.sslCertFile`, is still read from there.
    """
    settings = _flat(tomllib.loads(SETTINGS.read_text(encoding="utf-8")))
    settings |= {"server.address": host, "server.port": str(port)}
    settings["logger.hideWelcomeMessage"] = "true"  # the address that Streamlit prints lacks the token
    return [f"--{name}={value}" for name, value in settings.items()]


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """{"server": {"headless": True}} -> {"server.headless": "true"}."""
    flat: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is in use on this machine. Choose another with --port."
            raise UserError("port_taken", message) from error


def _open_browser(url: str, token: str) -> None:
    """Print the address once the app answers; open it in a browser if a terminal is attached."""
    import urllib.request
    import webbrowser

    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):  # our own  # nosec B310
                break
        except OSError:
            time.sleep(0.5)
    address = f"{url}/?{urlencode({'token': token})}" if token else url
    print(f"Suture is open at {address}", flush=True)
    if sys.stdout.isatty():
        webbrowser.open(address)
