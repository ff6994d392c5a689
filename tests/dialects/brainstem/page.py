"""A page as a browser has it: its text, its forms, and what it loads from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """``fields`` with their values, hidden ones too; ``buttons`` are their values by what stands on them."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """Reads ``html``; ``tags`` are all that it has, ``words`` its text with single spaces."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.style = ""
        self.forms: list[Form] = []
        self._text: list[str] = []
        self._within: list[str] = []
        self._value = ""
        self.feed(html)
        self.close()

    @property
    def words(self) -> str:
        return " ".join("".join(self._text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self.forms.append(Form(given["method"], given["action"]))
        elif tag == "input":
            self.forms[-1].fields[given["name"]] = given.get("value", "")
            return
        elif tag == "button":
            self._value = given.get("value", "")
        if tag not in ("meta", "input"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._within.pop() == tag

    def handle_data(self, data: str) -> None:
        within = self._within[-1] if self._within else ""
        if within == "style":
            self.style += data
            return
        if within == "button":
            self.forms[-1].buttons[data] = self._value
        self._text.append(data)
