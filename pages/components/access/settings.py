"""Access settings: environment variables, and `[auth]` in Streamlit's secrets.

SUTURE_HOSTS        host names of the app besides this machine's own, comma-separated
SUTURE_TOKEN        the token that a browser needs once; empty: none
SUTURE_USERS        who may log in: e-mails, @domains, role:NAME, sub:ID; empty: everyone the provider knows
SUTURE_LOGIN_HOURS  how long a log-in lasts; empty: as long as the provider's token
SUTURE_UPLOADS_MB   memory for all uploads together
"""

from __future__ import annotations

import ipaddress
import os
import sys
from functools import cache
from importlib.util import find_spec

import streamlit as st

LOCAL = ("localhost", "127.0.0.1", "::1")


def hosts() -> set[str]:
    """Host names that are served, in lower case."""
    return {*LOCAL, *(name.lower().rstrip(".") for name in _listed("SUTURE_HOSTS"))}


def token() -> str:
    """The token that a browser needs; "" if none."""
    return os.environ.get("SUTURE_TOKEN", "")


def admitted() -> list[str]:
    """The rules for who may log in."""
    return _listed("SUTURE_USERS")


def login_seconds() -> float | None:
    """Seconds that a log-in lasts; None = as long as the provider's token."""
    hours = os.environ.get("SUTURE_LOGIN_HOURS", "")
    return float(hours) * 3600 if hours else None


def upload_bytes() -> int:
    """Bytes that all uploads together may hold in memory."""
    return int(os.environ.get("SUTURE_UPLOADS_MB") or 2048) * 1024**2


@cache  # read once: a secrets file that disappears must not disable the log-in
def login_required() -> bool:
    """Whether users must log in: Streamlit's secrets have a section `[auth]`."""
    return bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)


def providers() -> list[str | None]:
    """Names of the log-in providers; [None] if there is a single one without a name."""
    auth = st.secrets["auth"]
    named = [name for name in auth if hasattr(auth[name], "keys") and "client_id" in auth[name]]
    return [*named] or [None]


def is_loopback(address: str | None) -> bool:
    """Whether only this machine can reach an address; None means all addresses."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def refuse_exposure() -> None:
    """Exit before listening if others could reach the server without a log-in."""
    address = st.get_option("server.address")
    if login_required() and find_spec("authlib") is None:
        sys.exit("Suture's log-in needs the package authlib: pip install 'suture[auth]'.")
    if st.get_option("server.baseUrlPath"):
        sys.exit("Suture is served at the root of its address: set no server.baseUrlPath.")
    if not login_required() and not is_loopback(address):
        sys.exit(no_login(address))


def no_login(address: str | None) -> str:
    """The message why the app does not listen on an address, and what to do."""
    return (
        f"Suture does not listen on {address or 'all addresses'} without a log-in: everybody who reaches "
        "it could see the studies. Leave the address at 127.0.0.1 (from elsewhere: an SSH tunnel), or set "
        "up a log-in with [auth] in .streamlit/secrets.toml. docs/deployment.md shows both."
    )


def _listed(variable: str) -> list[str]:
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]
