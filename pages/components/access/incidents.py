"""Unexpected errors: the user sees a number, the log records where it happened, and neither shows values.

Messages and local variables of an exception can hold patient data; names of functions cannot.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import traceback
from pathlib import Path

import streamlit as st
from starlette.responses import PlainTextResponse, Response
from streamlit.runtime.scriptrunner import get_script_run_ctx

from suture.data.errors import UserError
from suture.data.workspace import log
from suture.pages.components.access.visitors import VISITORS, visitor


def on_script_error(error: Exception) -> bool:
    """Show a message instead of a traceback. Returns True, so that Streamlit shows nothing itself."""
    if isinstance(error, UserError):
        st.error("This cannot go on.", icon=":material/block:")
        st.text(error.message)
        note("refused", codes=[error.code])
        return True
    number = _incident(error)
    st.error(
        f"Something went wrong; it is our fault. Nothing was lost. The log has it as incident {number}.",
        icon=":material/report:",
    )
    return True


def on_server_error(error: Exception) -> Response:
    """The same for requests outside the page."""
    return PlainTextResponse(f"Something went wrong: incident {_incident(error)}.", 500)


def note(action: str, **facts: object) -> None:
    """Write one line to the log: what this session did. Facts are ids, codes and counts, never content."""
    context = get_script_run_ctx(suppress_warning=True)
    session = hashlib.sha256(context.session_id.encode()).hexdigest()[:12] if context else ""
    log.write(
        os.environ.get("SUTURE_HOME", ""),
        {"action": action, "session": session, "user": VISITORS.owner(visitor()) or "", **facts},
    )


def silence_values() -> None:
    """Reduce the tracebacks that the servers write to the terminal to the type of the exception."""
    for name in ("streamlit.error_util", "uvicorn.error"):
        logging.getLogger(name).addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0]:
        record.msg, record.args = f"{record.msg}: {record.exc_info[0].__name__}", ()
        record.exc_info, record.exc_text = None, None
    return True


def _incident(error: Exception) -> str:
    number = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)
    stack = [f"{Path(f.filename).name}:{f.name}:{f.lineno}" for f in frames]
    note("incident", incident=number, exception=type(error).__name__, stack=stack)
    return number
