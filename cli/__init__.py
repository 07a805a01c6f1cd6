"""The command line. Exit codes: 0 done (items may have been skipped), 1 error in Suture, 2 refused."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from suture.cli import (
    captions,
    compare,
    evaluate,
    library,
    maintenance,
    neighbours,
    report,
    selections,
    serve,
    splits,
    train,
    worker,
    zero_shot,
)
from suture.cli.common import REFUSED, err
from suture.data.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (
    library,
    evaluate,
    zero_shot,
    neighbours,
    compare,
    report,
    selections,
    splits,
    train,
    captions,
    maintenance,
    serve,
    worker,
):
    app.add_typer(part.commands)


@app.callback()
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Show, measure and close the modality gap in radiology image/report embeddings."""
    if version:
        print(importlib.metadata.version("suture"))
        raise typer.Exit


def main() -> None:
    """Entry point. An error that the user can correct is one sentence and exit code 2.

    Anything else is an error in Suture: one sentence, the details in a file, exit code 1.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.umask(0o077)  # files that commands write, also outside the workspace, are private to the user
    try:
        app()
    except UserError as error:
        if "--json" in sys.argv:
            print(json.dumps({"refused": error.code, "message": error.message}))
        else:
            err.print(f"Refused ({error.code}): {error.message}")
        sys.exit(REFUSED)
    except Exception as error:
        log = Path(tempfile.gettempdir()) / f"suture-error-{os.getpid()}.log"
        log.write_text(traceback.format_exc())
        err.print(f"Internal error ({type(error).__name__}). Details: {log}")
        sys.exit(1)
