"""Tables of the console's own: users, memberships, invitations, log-ins, start balances, alerts, sends that wait for a yes.

Only the console reads and writes them, by Django; what the data plane works on stands in models.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class UserManager(BaseUserManager["User"]):
    """Users are known by their address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in. What he may do in an account says his Membership; is_staff: one of the operator's own."""

    id = models.AutoField(primary_key=True)
    email = models.EmailField(unique=True)
    name = models.TextField(db_default="", default="")  # as colleagues see him; "": by his address
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    language = models.TextField(db_default="", default="")  # en, zh-hans; "": as the browser asks
    theme = models.TextField(db_default="", default="")  # light, dark; "": as the system is
    zone = models.TextField(db_default="", default="")  # IANA name; "": as the browser's system is
    opens_account = models.BooleanField(db_default=True, default=True)  # his first log-in opens one; no later one does
    account_name = models.TextField(db_default="", default="")  # display name of the account that it opens
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "console_user"


class Membership(models.Model):
    """What a user may do in an account."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    account = models.ForeignKey("tocsin.Account", on_delete=models.PROTECT)
    role = models.TextField()  # owner, developer, finance, viewer
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "membership"
        constraints = [
            models.UniqueConstraint(fields=["user", "account"], name="membership_key"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "developer", "finance", "viewer"]), name="membership_role"
            ),
        ]


class Invitation(models.Model):
    """Somebody who may join an account. Gone once it is accepted or withdrawn; the audit has what became of it."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey("tocsin.Account", on_delete=models.PROTECT)
    address = models.TextField()  # lower case; no other address may accept
    role = models.TextField()  # as of a Membership
    token_hash = models.TextField(unique=True)  # SHA-256 of what the link carries
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    sent_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "invitation"
        constraints = [
            models.UniqueConstraint(fields=["account", "address"], name="invitation_key"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "developer", "finance", "viewer"]), name="invitation_role"
            ),
        ]


class SignIn(models.Model):
    """A log-in to the console, or a try that failed; kept for TOCSIN_SIGN_IN_DAYS."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False)
    at = models.DateTimeField(db_default=Now())
    address = models.TextField()  # of the visitor
    agent = models.TextField(db_default="")  # what the browser says of itself, cut
    way = models.TextField()  # password, passkey, code
    second = models.TextField(db_default="")  # totp, passkey, recovery; "": none
    failed = models.TextField(db_default="")  # password, second; "": it was let in

    class Meta:
        db_table = "sign_in"
        indexes = [
            models.Index(fields=["user", "-id"], name="sign_in_user"),
            models.Index(fields=["at"], name="sign_in_at"),
        ]


class StartBalance(models.Model):
    """A start balance that was given, so that nobody harvests them: once for an address, once a month for a network."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey("tocsin.Account", on_delete=models.PROTECT)
    address = models.TextField(unique=True)  # of the mailbox: lower case, without a +tag
    network = models.TextField()  # of the visitor: /24 or /48
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "start_balance"
        indexes = [models.Index(fields=["at"], name="start_balance_at")]


class BalanceAlert(models.Model):
    """Who is told when an account has less than so much left to spend: once for a fall, see billing/alert.py."""

    account_id = models.IntegerField(primary_key=True)
    threshold_micros = models.BigIntegerField()
    addresses = ArrayField(models.TextField(), db_default=[])
    is_below = models.BooleanField(db_default=False)
    told_at = models.DateTimeField(null=True)  # the last mail, or try to send one

    class Meta:
        db_table = "balance_alert"


class LocalMail(models.Model):
    """A mail of the console that no SMTP server took: the demo's outbox page shows the last ones."""

    id = models.AutoField(primary_key=True)
    to = models.TextField()
    subject = models.TextField()
    body = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "local_mail"


class PreparedSend(models.Model):
    """A send that a person wrote at the console. Its id is the idempotency key: however often he confirms, it is sent once."""

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey("tocsin.Account", on_delete=models.PROTECT)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    kind = models.TextField()  # sms, mms, voice, code, email
    fields = models.JSONField()  # as they were typed
    answer = models.JSONField(null=True)  # of the API; null: not confirmed
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "prepared_send"
        indexes = [models.Index(fields=["account", "made_at"], name="prepared_send_account")]


class PreparedFile(models.Model):
    """A file of such a send."""

    id = models.BigAutoField(primary_key=True)
    prepared = models.ForeignKey(PreparedSend, on_delete=models.CASCADE)
    name = models.TextField()
    data = models.BinaryField()

    class Meta:
        db_table = "prepared_file"
