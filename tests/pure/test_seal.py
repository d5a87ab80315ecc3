"""Sealing and its keys."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tocsin.kit.seal import Seal, SealError, open_seal
from tocsin.kit.settings import Settings, SettingsError

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_is_sealed_opens_again_and_hides_the_text() -> None:
    sealed = Seal((OLD,)).seal("7bz1lzh9")
    assert "7bz1lzh9" not in sealed
    assert Seal((OLD,)).open(sealed) == "7bz1lzh9"


def test_rotation_opens_the_old_and_seals_with_the_new() -> None:
    sealed = Seal((OLD,)).seal("a")
    resealed = Seal((NEW, OLD)).reseal(sealed)
    assert Seal((NEW,)).open(resealed) == "a"
    with pytest.raises(SealError):
        Seal((NEW,)).open(sealed)


def test_a_changed_seal_does_not_open() -> None:
    sealed = Seal((OLD,)).seal("a")
    with pytest.raises(SealError):
        Seal((OLD,)).open(sealed[:-4] + "AAA=")


def test_the_file_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "var")
    with pytest.raises(SettingsError):
        open_seal(settings)
    sealed = open_seal(settings, make=True).seal("a")
    file = tmp_path / "var" / "sealing.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["sealing.key"]
    assert open_seal(settings, make=True).open(sealed) == "a"
    assert open_seal(settings).open(sealed) == "a"


def test_keys_of_the_setting_come_before_the_file(tmp_path: Path) -> None:
    sealed = open_seal(Settings(home=tmp_path, sealing_keys=(OLD,)), make=True).seal("a")
    assert not (tmp_path / "sealing.key").exists()
    assert Seal((OLD,)).open(sealed) == "a"


def test_a_spoilt_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "sealing.key").write_text("no key\n")
    with pytest.raises(SettingsError, match=r"sealing\.key must be"):
        open_seal(Settings(home=tmp_path))
