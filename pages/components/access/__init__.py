"""Who may come in, who they are, and what is theirs. Streamlit asks nobody; this stands in front of it.

settings    what the environment and Streamlit's secrets allow
gate        the middleware: each request's host, origin, token, visitor; the headers of each answer
headers     what every answer tells the browser
visitors    which browser has which sessions and was handed which addresses
media       notes whom Streamlit's files are handed to
identity    who the person is, from the log-in
incidents   what a person sees of a fault, and what the log keeps of it
"""

from suture.pages.components.access.identity import ways, who
from suture.pages.components.access.visitors import VISITORS, owner_of, visitor

__all__ = ["VISITORS", "owner_of", "visitor", "ways", "who"]
