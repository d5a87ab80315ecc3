"""The API over TLS by its two settings, as `tocsin up` serves it."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import ssl
import subprocess
import time
from contextlib import closing
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.flows.plant import SEND
from tests.flows.up_bed import Up


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


def ask(port: int, trust: ssl.SSLContext, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    """One request and its JSON."""
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=trust)) as connection:
        content = None if body is None else json.dumps(body)
        connection.request(method, target, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_the_api_speaks_tls_alone(home: Path, port: int, database: str, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    settings = {"TOCSIN_TLS_CERTIFICATE": str(certificate), "TOCSIN_TLS_KEY": str(key), "DATABASE_URL": database}
    up = Up(home, port, "--demo", **settings)
    up.wait_ready()
    facts = json.loads((home / "demo.json").read_text())
    assert facts["base_url"] == f"https://127.0.0.1:{port}"
    assert f"Tocsin is ready at {facts['base_url']}" in up.text()
    trust = ssl.create_default_context(cafile=certificate)
    assert ask(port, trust, "GET", "/readyz") == (200, {"status": "ready"})

    at = str(int(time.time()))
    sign = md5(f"{facts['account']}{facts['api_key']}{at}".encode()).hexdigest()
    query = urlencode({"account": facts["account"], "sign": sign, "datetime": at})
    body = {"numbers": "81234567801", "codeId": 10007, "content": "over TLS", "action": "NOTIFICATION"}
    http_status, reply = ask(port, trust, "POST", f"{SEND}?{query}", body)
    assert (http_status, reply["status"], reply["data"]["success"]) == (200, 0, 1)

    pasted = next(line for line in up.text().splitlines() if line.startswith("curl "))
    done = subprocess.run(["/bin/sh", "-c", pasted], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == 0

    trust.maximum_version = ssl.TLSVersion.TLSv1_2  # clients that are not of this decade
    assert ask(port, trust, "GET", "/healthz") == (200, {"status": "ok"})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as plain:
        plain.request("GET", "/readyz")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
    assert up.stop() < 10
