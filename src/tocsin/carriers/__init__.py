"""Links that talk to carriers. The face: open_link makes the link of a channel; the rest is for forms and checks."""

from tocsin.carriers.model import BadConfigError, ChannelFacts, SettingFacts
from tocsin.carriers.registry import check_config, kinds, list_settings, open_link

__all__ = ["BadConfigError", "ChannelFacts", "SettingFacts", "check_config", "kinds", "list_settings", "open_link"]
