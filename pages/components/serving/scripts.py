"""Scripts of components over plain HTTP: the browser fetches them once, not with every change of data.

Streamlit sends a component's script with its data. Here that is only a loader of a few lines, which imports
the script from /script/<key>.js; the key is a hash of its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suture.pages.components.serving.columns import HEADERS

_LOADER = """
const script = import(new URL("/script/%s.js", location.href).href);
export default function (component) {
  let clean, gone = false;
  script.then((loaded) => { if (!gone) clean = loaded.default(component); });
  return () => { gone = true; clean?.(); };
}
"""
_known: dict[str, bytes] = {}  # one per component


def script(parts: Sequence[Path]) -> str:
    """The loader for `js=` of a component; the parts are joined to one module and share its scope."""
    content = "\n".join(part.read_text(encoding="utf-8") for part in parts).encode()
    key = sha256(content).hexdigest()[:24]
    _known[key] = content
    return _LOADER % key


def routes() -> list[Route]:
    """The route that serves scripts."""
    return [Route("/script/{key:str}.js", _script)]


def _script(request: Request) -> Response:
    content = _known.get(request.path_params["key"])
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type="text/javascript", headers=HEADERS)
