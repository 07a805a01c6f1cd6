"""Security headers: load nothing from other hosts, allow no framing, sniff no content types."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256

from suture.pages.components.serving import index_html

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
UNKEPT = {"Cache-Control": "private, no-store"}
POLICY = {
    "default-src": "'self'",
    # Streamlit loads component code from blobs; regl, which draws the maps and plotly's large scatter
    # plots, generates functions at run time.
    "script-src": "'self' blob: 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",  # Streamlit creates styles in the browser
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def of(host: str, path: str, *, secure: bool) -> dict[str, str]:
    """Headers of a response at `path` for an allowed `host`, "" if refused; `secure`: it goes over TLS."""
    stream = f" ws://{host} wss://{host}" if host else ""  # 'self' does not cover these in every browser
    scripts = f"{POLICY['script-src']}{_inline()}"
    policy = {**POLICY, "script-src": scripts, "connect-src": f"'self'{stream}"}
    found = {**FIXED, "Content-Security-Policy": "; ".join(map(" ".join, policy.items()))}
    if secure:
        found["Strict-Transport-Security"] = "max-age=31536000"
    return found | (UNKEPT if path.startswith(("/media/", "/_stcore/upload_file/")) else {})


@cache
def _inline() -> str:
    """Hashes of the inline scripts in Streamlit's HTML file; no other inline script runs."""
    scripts = re.findall(r"<script>(.*?)</script>", index_html.INDEX.read_text(encoding="utf-8"), re.DOTALL)
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    return "".join(f" 'sha256-{found}'" for found in hashes)
