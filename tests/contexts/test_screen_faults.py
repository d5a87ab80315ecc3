"""Screening where the database goes away."""

from __future__ import annotations

import logging

import pytest

from tocsin.api.desk import Readers
from tocsin.api.screen import return_caps
from tocsin.compliance import Screened


async def test_caps_that_cannot_be_given_back_do_not_spoil_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    readers = Readers("host=/nowhere", "send", 1)
    with caplog.at_level(logging.WARNING):
        await return_caps(readers, 7, Screened())
        assert caplog.messages == []
        await return_caps(readers, 7, Screened(taken=(1, 2)))
    assert "could not be given back" in caplog.messages[0]
