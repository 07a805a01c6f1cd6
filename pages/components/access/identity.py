"""Who the user is, from the log-in; without a log-in, the single user of the machine.

Every run checks again, so an expired log-in or a changed rule takes effect at the next click.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from suture.pages.components.access import settings
from suture.pages.components.access.visitors import VISITORS, visitor


@dataclass(frozen=True)
class Person:
    """Whose records they see and until when (seconds since the epoch), or why they are refused."""

    owner: str = ""
    until: float = inf
    refused: str = ""


def who() -> str:
    """The owner that this run works for; "" without log-ins. Stops the run if the user must log in first."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:  # a thread outside a session sees shared records only
        return ""
    person = _person()
    if person.refused:
        VISITORS.leave(visitor())
        _log_in(person.refused)
    VISITORS.enter(context.session_id, visitor(), person.owner, person.until)
    return person.owner


def ways(*every: str) -> list[str]:
    """The sources to offer: files "… on this machine" only where it has a single user (no log-in)."""
    return [way for way in every if not (settings.login_required() and way.endswith("on this machine"))]


def account() -> None:
    """Who is logged in, and a button to log out; nothing without log-ins."""
    if settings.login_required():
        st.text(str(st.user.get("email") or st.user.get("name") or "Logged in"))
        st.button("Log out", on_click=st.logout, key="log_out", icon=":material/logout:", type="tertiary")


def person(
    claims: Mapping[str, Any], rules: Sequence[str], now: float, lasting: float | None = None
) -> Person:
    """The person that an identity token names, at the time `now`.

    rules    who is admitted: e-mails, @domains, role:NAME, sub:ID; empty admits everyone
    lasting  seconds that a log-in lasts from its issue; None = until the token expires
    """
    if not claims.get("is_logged_in"):
        return Person(refused="Please log in.")
    if not claims.get("iss") or not claims.get("sub"):
        return Person(refused="The log-in names no person. Its provider must send the claims iss and sub.")
    until = float(claims.get("exp") or 0) if lasting is None else float(claims.get("iat") or 0) + lasting
    if until <= now:
        return Person(refused="The log-in has ended. Please log in again.")
    if rules and not any(_fits(rule, claims) for rule in rules):
        return Person(refused="This account may not use Suture. Ask whoever runs it to add you.")
    name = f"{claims['iss']}\n{claims['sub']}".encode()
    return Person(hashlib.sha256(name).hexdigest()[:32], until)


def _person() -> Person:
    if not settings.login_required():
        return Person()
    return person(st.user.to_dict(), settings.admitted(), time.time(), settings.login_seconds())


def _fits(rule: str, claims: Mapping[str, Any]) -> bool:
    """An e-mail counts only if the provider has verified it: otherwise users could enter any address."""
    kind, _, value = rule.partition(":")
    if kind == "sub" and value:
        return claims.get("sub") == value
    if kind == "role" and value:
        return any(value in _several(claims.get(claim)) for claim in ("roles", "groups"))
    email = str(claims.get("email") or "").lower() if claims.get("email_verified") is True else ""
    return email.endswith(rule.lower()) if rule.startswith("@") else email == rule.lower()


def _several(claim: object) -> list[object]:
    return [*claim] if isinstance(claim, list | tuple) else [claim]


def _log_in(why: str) -> None:
    """The log-in page; stops the run."""
    st.title("Suture")
    st.text(why)
    if st.user.get("is_logged_in"):
        st.button("Log out", on_click=st.logout, key="log_out")
    for name in settings.providers():
        label = f"Log in with {name}" if name else "Log in"
        st.button(label, on_click=partial(st.login, name), key=f"log_in_{name}", type="primary")
    st.stop()
