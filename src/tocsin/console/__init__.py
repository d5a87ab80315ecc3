"""The door for people: the customers' portal, and later the operators' pages, on one Django project.

Its process stands beside the data plane, on the same database. Its own tables it asks by Django's models; all else goes
through the faces of the contexts, on Django's connection and in its transaction.
"""

from tocsin.console.process import serve

__all__ = ["serve"]
