"""`tocsin smsc`: an SMSC to test against. It takes messages over SMPP, delivers none, and misbehaves as it is told.

A door like the API, but with no database behind it: it imports SMPP and content alone.
"""

from tocsin.smsc.options import Faults, IdForm, Options, ReceiptBy, ReceiptForm, Step, read_script
from tocsin.smsc.run import Show, run
from tocsin.smsc.server import Smsc

__all__ = ["Faults", "IdForm", "Options", "ReceiptBy", "ReceiptForm", "Show", "Smsc", "Step", "read_script", "run"]
