"""TLS of both doors by their two settings."""

from __future__ import annotations

import ssl

from tocsin.kit.settings import Settings


def open_tls(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 and later with the certificate of the settings; None: plain HTTP. Raises OSError, ssl.SSLError."""
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
