"""What messages may call their sender: the domains that an account's email comes from."""

from tocsin.senders.book import MailDomains
from tocsin.senders.change import add_domain, list_domains, remove_domain, verify_domain
from tocsin.senders.model import DomainRow, SenderError

__all__ = ["DomainRow", "MailDomains", "SenderError", "add_domain", "list_domains", "remove_domain", "verify_domain"]
