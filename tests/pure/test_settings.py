"""Settings: read whole or refused whole."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from tocsin.kit.settings import Settings, SettingsError, read_settings


def _mistakes(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    return caught.value.mistakes


def test_defaults_need_no_environment() -> None:
    settings = read_settings({"PATH": "/bin"})
    assert (settings.host, settings.port, settings.database_url) == ("127.0.0.1", 8080, "")
    assert settings.home == Path("var").absolute()
    assert (settings.lease_s, settings.receipt_timeout_s, settings.validity_s) == (15, 259_200, 172_800)
    assert (settings.max_numbers_get, settings.max_numbers_post) == (1000, 50_000)


def test_values_are_read_by_their_kind() -> None:
    settings = read_settings(
        {
            "TOCSIN_PORT": "9000",
            "TOCSIN_LEASE_S": "0.5",
            "TOCSIN_PUSH_ALLOW": "127.0.0.0/8, ::1",
            "TOCSIN_LOG_LEVEL": "DEBUG",
        }
    )
    assert (settings.port, settings.lease_s, settings.log_level) == (9000, 0.5, "debug")
    assert settings.push_allow == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


def test_an_empty_variable_is_an_absent_one() -> None:
    assert read_settings({"TOCSIN_PORT": "", "DATABASE_URL": " "}) == read_settings({})


def test_all_mistakes_are_told_at_once() -> None:
    mistakes = _mistakes(
        {
            "TOCSIN_PORT": "0",
            "TOCSIN_LEASE_S": "nan",
            "TOCSIN_SCHEDULE_LATE": "maybe",
            "TOCSIN_TRUSTED_PROXIES": "10.0.0.0/8,office",
            "TOCSIN_PROT": "1",
            "TOCSIN_RETENTION_DAYS": "-1",
            "TOCSIN_SEALING_KEYS": "short",
            "DATABASE_URL": "postgresql://u:p@h:x y/",
            "TOCSIN_TLS_KEY": "/nowhere/key.pem",
        }
    )
    text = "\n".join(mistakes)
    assert len(mistakes) == 9
    assert "TOCSIN_PROT is not a setting: did you mean TOCSIN_PORT?" in mistakes
    assert "'office'" in text
    assert "TOCSIN_TLS_KEY must name a file that can be read" in text


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80a", "²", "1e3", "8080.0"])
def test_no_port(port: str) -> None:
    assert _mistakes({"TOCSIN_PORT": port}) == [f"TOCSIN_PORT must be a port from 1 to 65535, not {port!r}"]


def test_a_certificate_without_its_key_is_a_mistake(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.touch()
    assert "belong together" in _mistakes({"TOCSIN_TLS_CERTIFICATE": str(certificate)})[0]


def test_secrets_are_hidden_where_settings_are_shown() -> None:
    key = "A" * 43 + "="
    settings = read_settings(
        {
            "DATABASE_URL": "postgresql://u:hush@db.example/t",
            "TOCSIN_SEALING_KEYS": f"{key},{key}",
            "TOCSIN_METRICS_TOKEN": "hush-0123456789abcdef=",
        }
    )
    shown = {row.name: row.value for row in settings.describe()}
    assert "hush" not in str(shown)
    assert "db.example" in shown["DATABASE_URL"]
    assert shown["TOCSIN_SEALING_KEYS"] == "(2 hidden)"
    assert shown["TOCSIN_METRICS_TOKEN"] == "(hidden)"


@pytest.mark.parametrize("token", ["hush", "hush 0123456789abcdef", "hush-0123456789=abcdef", "hush-0123456789abcdé"])
def test_a_metrics_token_that_no_header_can_show_or_anybody_can_guess_is_a_mistake(token: str) -> None:
    (mistake,) = _mistakes({"TOCSIN_METRICS_TOKEN": token})
    assert mistake.startswith("TOCSIN_METRICS_TOKEN must be 16 or more letters")
    assert "hush" not in mistake


def test_a_wrong_database_url_is_not_repeated() -> None:
    assert "hush" not in str(_mistakes({"DATABASE_URL": "postgresql://u:hush@h:x y/"}))


def test_every_setting_says_what_it_is_for() -> None:
    rows = Settings().describe()
    assert all(row.help and row.name.isupper() for row in rows)
    assert len({row.name for row in rows}) == len(rows)
