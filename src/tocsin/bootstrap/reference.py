"""The reference data that every process of the data plane keeps in memory, loaded before it begins."""

from __future__ import annotations

import asyncio
import gc
import logging
from dataclasses import dataclass

import psycopg

from tocsin.accounts import Directory, check_canary
from tocsin.compliance import Guards
from tocsin.kit.db import LOST, Session
from tocsin.kit.reference import Reference
from tocsin.kit.seal import Seal, open_seal
from tocsin.kit.settings import Settings
from tocsin.routing import Table
from tocsin.senders import MailDomains
from tocsin.templates import TemplateBook
from tocsin.webhooks import Endpoints

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Memory:
    """All sources, and what keeps them new."""

    directory: Directory
    table: Table
    endpoints: Endpoints
    guards: Guards
    templates: TemplateBook
    mail_domains: MailDomains
    reference: Reference
    seal: Seal


async def load_memory(settings: Settings, name: str, *, sends: bool = False) -> Memory:
    """Read everything; waits while the database is away. `sends`: the process takes sends, which stand on more."""
    seal = open_seal(settings)
    reference = Reference(settings.database_url, f"{name} reference")
    memory = Memory(
        Directory(seal.open),
        Table(),
        Endpoints(),
        Guards(),
        TemplateBook(),
        MailDomains(settings.mail_domain),
        reference,
        seal,
    )
    memory.table.health.share_percent = settings.breaker_share_percent
    for source in (memory.table, memory.endpoints, memory.guards):
        reference.add(source)
    if sends:
        reference.add(memory.templates)
        reference.add(memory.mail_domains)
    reference.add(
        memory.directory
    )  # last: an account that is known has its routes, its lists, and where its reports go
    session = Session(settings.database_url, f"{name} start")
    while True:
        try:
            await memory.reference.load_all(session)
            break
        except LOST as error:
            log.warning("the database is not there yet: %s", error)
            await asyncio.sleep(0.5)
    await session.close()
    with psycopg.connect(settings.database_url) as conn:
        check_canary(conn, seal)
    # What is loaded stays: the collector need not walk it again and again between requests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return memory
