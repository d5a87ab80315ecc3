"""The console process: the people's door, beside the data plane."""

from __future__ import annotations

from tocsin.bootstrap.door import find_base_url
from tocsin.console import serve
from tocsin.kit.settings import Settings


def run(settings: Settings) -> None:
    """Serve until a signal; does not return."""
    serve(settings, find_base_url(settings))
