"""The clerk: works on the files that users of the console ask for or bring, beside the data plane and without Django."""

from tocsin.clerk.api import Api, Reply
from tocsin.clerk.clerk import Clerk, Tools

__all__ = ["Api", "Clerk", "Reply", "Tools"]
