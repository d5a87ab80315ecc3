"""SMPP 3.4, as an ESME: one channel is one or more binds to an SMSC."""
