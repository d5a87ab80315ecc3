"""Links that talk to carriers. The face: open_link makes the link of a channel, open_ear what hears its carrier's calls;
the rest is for forms and checks."""

from tocsin.carriers.model import (
    RECEIPT,
    REPLY,
    BadConfigError,
    Called,
    ChannelFacts,
    Ear,
    Heard,
    SettingFacts,
    StrangerError,
    UnreadableError,
)
from tocsin.carriers.registry import (
    check_config,
    has_secrets,
    hide_config,
    keep_config,
    kinds,
    list_settings,
    open_ear,
    open_link,
    seal_config,
)
from tocsin.carriers.secrets import reseal_all as reseal_config

__all__ = [
    "RECEIPT",
    "REPLY",
    "BadConfigError",
    "Called",
    "ChannelFacts",
    "Ear",
    "Heard",
    "SettingFacts",
    "StrangerError",
    "UnreadableError",
    "check_config",
    "has_secrets",
    "hide_config",
    "keep_config",
    "kinds",
    "list_settings",
    "open_ear",
    "open_link",
    "reseal_config",
    "seal_config",
]
