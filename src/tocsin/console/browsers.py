"""What a browser says of itself, in words that people know."""

from __future__ import annotations

from typing import NamedTuple

# The first that fits: Edge and Opera call themselves Chrome too, and all call themselves Safari.
_BROWSERS = [
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"), ("MicroMessenger/", "WeChat"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("HeadlessChrome/", "Chrome"), ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python", "Python"),
]  # fmt: skip
_SYSTEMS = [
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Macintosh", "macOS"), ("Linux", "Linux"),
]  # fmt: skip


class Agent(NamedTuple):
    """A browser and what it runs on; "" for what is not known."""

    browser: str
    system: str


def read_agent(text: str) -> Agent:
    """Out of a User-Agent line."""
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    return Agent(browser, next((name for mark, name in _SYSTEMS if mark in text), ""))
