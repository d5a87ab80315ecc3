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
    Probe,
    ProbeOrder,
    SettingFacts,
    StrangerError,
    UnreadableError,
)
from tocsin.carriers.registry import (
    carries,
    check_config,
    has_secrets,
    hide_config,
    keep_config,
    kinds,
    list_settings,
    open_ear,
    open_link,
    probe,
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
    "Probe",
    "ProbeOrder",
    "SettingFacts",
    "StrangerError",
    "UnreadableError",
    "carries",
    "check_config",
    "has_secrets",
    "hide_config",
    "keep_config",
    "kinds",
    "list_settings",
    "open_ear",
    "open_link",
    "probe",
    "reseal_config",
    "seal_config",
]
