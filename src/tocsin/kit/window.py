"""How often something happened to a key in the present window of time: in the memory of one process, and bounded. Pure."""

from __future__ import annotations

_KEYS_MOST = 50_000
_OTHERS = ""


class Window:
    """Lets `most` of a key through in each `window_s`. Keys beyond the first thousands of a window share one."""

    def __init__(self, most: int, window_s: int = 60) -> None:
        self._most = most
        self._window_s = window_s
        self._began = 0
        self._counts: dict[str, int] = {}

    def take(self, key: str, now_s: float) -> bool:
        """Count one. False: the key had its share of this window."""
        began = int(now_s) // self._window_s
        if began != self._began:
            self._began = began
            self._counts.clear()
        if key not in self._counts and len(self._counts) >= _KEYS_MOST:
            key = _OTHERS
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= self._most
