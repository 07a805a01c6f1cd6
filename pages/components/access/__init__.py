"""Access control. Streamlit has none for sessions, files and uploads, so this stands in front of it.

settings    settings from the environment and Streamlit's secrets
gate        the middleware: checks each request's host, origin, token and visitor; adds response headers
headers     security headers of every response
visitors    which browser has which sessions and may fetch which addresses
media       records which visitor Streamlit's files were made for
uploads     uploads only to the own session, within a limit on memory
identity    who the user is, from the log-in
incidents   what a user sees of an unexpected error, and what the log records
"""

from suture.pages.components.access.identity import ways, who
from suture.pages.components.access.visitors import VISITORS, owner_of, visitor

__all__ = ["VISITORS", "owner_of", "visitor", "ways", "who"]
