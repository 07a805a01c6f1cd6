"""What somebody who means ill would write into a report, and how a page is read to see what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

MARKED = "shown-only-when-asked"
CELL = f'{MARKED} </script><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" & <!-- '
FORMULA = "=1+1"
LABEL = "</script><b onclick=alert(3)>bold</b>{{ 7 * 7 }}"
TEX = r"\input{/etc/passwd} 100% $x_1$ #~^"


def texts(n: int) -> list[str]:
    """n reports, each with something that must stay text."""
    ends = (CELL, f"{MARKED} {TEX}", f"{FORMULA} {MARKED}", f"@SUM(A1) {MARKED}", f"plain {MARKED}")
    return [f"{ends[i % len(ends)]} {i}".strip() for i in range(n)]


@dataclass
class Page(HTMLParser):
    """Tags, addresses, scripts and text of an HTML page, as a browser's parser would see them."""

    tags: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    policy: str = ""
    record: str = ""
    text: str = ""
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, content: str) -> Page:
        """Read a page."""
        page = cls()
        page.feed(content)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.addresses += [
            known[name] for name in ("src", "href", "action", "data", "poster") if name in known
        ]
        self.handlers += [name for name in known if name.startswith("on")]
        self.inside = known.get("id", "") if tag == "script" else tag
        if tag == "script":
            self.scripts.append(known.get("type", ""))
            self.sources.append("")
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.sources[-1] += data
            if self.inside == "record":
                self.record += data
        else:
            self.text += data
