"""Every table that people change: accounts, prices, routes, channels, endpoints, audit.

The hot tables stand in sql/0001_hot.sql. Defaults are database defaults, since the data plane writes plain SQL.
`version` is set by the trigger change_stamp (sql/0002_functions.sql): processes renew what is newer than they know.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tocsin.schema.people import (
    BalanceAlert,
    Invitation,
    LocalMail,
    Membership,
    PreparedFile,
    PreparedSend,
    SignIn,
    StartBalance,
    User,
)

__all__ = [
    "BalanceAlert",
    "Invitation",
    "LocalMail",
    "Membership",
    "PreparedFile",
    "PreparedSend",
    "SignIn",
    "StartBalance",
    "User",
]


class ChangeClock(models.Model):
    name = models.TextField(primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        db_table = "change_clock"


class Plan(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField(unique=True)
    charge_failed = models.BooleanField(db_default=True)
    min_margin_percent = models.SmallIntegerField(null=True)  # of the price; null: costs exclude no channel
    by_cost = models.BooleanField(db_default=False)  # routes of equal preference: the cheapest channel first
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "plan"


class Account(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField(unique=True)
    display_name = models.TextField(db_default="", default="")  # as people read it; "": by its name
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    locked = models.BooleanField(db_default=False)
    currency = models.TextField(db_default="USD")
    language = models.TextField(db_default="en")
    allow_ips = ArrayField(models.TextField(), db_default=[])
    rate_per_s = models.IntegerField(null=True)
    max_parts = models.SmallIntegerField(db_default=16)
    eight_fields = models.BooleanField(db_default=False)
    swap_uplink = models.BooleanField(db_default=False)
    extra_events = models.BooleanField(db_default=False)
    drop_machine_opens = models.BooleanField(db_default=False)
    second_factor = models.BooleanField(db_default=False)  # its members need one in the console
    created_at = models.DateTimeField(db_default=Now())
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "account"


class ApiKey(models.Model):
    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    name = models.TextField(db_default="", default="")  # as its owner calls it
    sealed = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "api_key"


class Country(models.Model):
    code_id = models.IntegerField(primary_key=True)
    iso = models.TextField(unique=True)
    calling_code = models.IntegerField()
    name = models.TextField()
    name_zh = models.TextField()
    enabled = models.BooleanField(db_default=True)
    template_required = models.BooleanField(db_default=False)
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "country"


class Channel(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField(unique=True)
    kind = models.TextField()
    paused = models.BooleanField(db_default=False)
    rate = models.IntegerField(null=True)  # parts per second; null: no limit
    window = models.IntegerField(db_default=1000)  # parts under way
    unknown_policy = models.TextField(db_default="leave")  # resend or leave
    max_attempts = models.SmallIntegerField(db_default=8)
    longest_call_s = models.IntegerField(db_default=600)  # a call is hung up then; so much is reserved
    failover_after_s = models.FloatField(
        db_default=10.0
    )  # down for so long in every process: its messages go elsewhere
    queue_age_s = models.FloatField(null=True)  # ready for so long: the same; null: never
    config = models.JSONField(db_default={})
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "channel"


class Route(models.Model):
    """Which channels carry what. Null or empty matches everything; the most specific wins, then the lowest preference."""

    id = models.AutoField(primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True)
    product = models.SmallIntegerField()
    country = models.ForeignKey(Country, on_delete=models.PROTECT, null=True)
    prefix = models.TextField(db_default="")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT)
    preference = models.IntegerField(db_default=0)
    action = models.SmallIntegerField(null=True)  # traffic.Priority
    sender = models.TextField(db_default="")
    start_minute = models.SmallIntegerField(null=True)  # of the day; null: at any time
    end_minute = models.SmallIntegerField(null=True)  # may reach over midnight
    zone = models.TextField(db_default="")  # whose clock the two are on
    weight = models.SmallIntegerField(db_default=100)  # share among routes of equal preference
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "route"


class Price(models.Model):
    """Price of one part (SMS), message (MMS, email) or minute (voice). The longest prefix wins, then the channel's own."""

    id = models.AutoField(primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    product = models.SmallIntegerField()
    country = models.ForeignKey(Country, on_delete=models.PROTECT, null=True)
    prefix = models.TextField(db_default="")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True)
    price_micros = models.BigIntegerField()
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "price"
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "product", "country", "prefix", "channel"], name="price_key", nulls_distinct=False
            )
        ]


class Cost(models.Model):
    """What a channel costs us for what Price prices. Reference data: it decides routes, and is charged to nobody."""

    id = models.AutoField(primary_key=True)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT)
    product = models.SmallIntegerField()
    country = models.ForeignKey(Country, on_delete=models.PROTECT, null=True)
    prefix = models.TextField(db_default="")
    cost_micros = models.BigIntegerField()

    class Meta:
        db_table = "cost"
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "product", "country", "prefix"], name="cost_key", nulls_distinct=False
            )
        ]


class Grant(models.Model):
    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    kind = models.TextField()  # sender, show-phone, routing, free-text; sender-pool: see accounts/pool.py
    value = models.TextField()
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "account_grant"
        constraints = [models.UniqueConstraint(fields=["account", "kind", "value"], name="grant_key")]


class Endpoint(models.Model):
    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    kind = models.TextField()  # sms, mms, vos, mail, uplink, tracking
    url = models.TextField()
    secret = models.TextField()  # sealed
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.TextField(db_default="")
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "endpoint"
        constraints = [models.UniqueConstraint(fields=["account", "kind"], name="endpoint_key")]


class BlacklistEntry(models.Model):
    """A number or address that is never sent to. Ids are in the order of commits: see sql/0003_compliance.sql."""

    id = models.BigAutoField(primary_key=True)
    account_id = models.IntegerField(db_default=0)  # 0: for all accounts
    value = models.TextField()  # digits with country code, or an address in lower case
    origin = models.TextField(db_default="operator")  # operator, unsubscribe, complaint
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "blacklist"
        constraints = [models.UniqueConstraint(fields=["value", "account_id"], name="blacklist_key")]
        indexes = [models.Index(fields=["account_id", "id"], name="blacklist_account")]


class OptOut(models.Model):
    """Who asked for no more MARKETING of an account. Ids as in BlacklistEntry."""

    id = models.BigAutoField(primary_key=True)
    account_id = models.IntegerField()
    value = models.TextField()
    sender = models.TextField(db_default="")  # empty: of every sender
    origin = models.TextField(db_default="reply")  # reply, operator
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "opt_out"
        constraints = [models.UniqueConstraint(fields=["value", "account_id", "sender"], name="opt_out_key")]
        indexes = [models.Index(fields=["account_id", "id"], name="opt_out_account")]


class OptAnswer(models.Model):
    """What a terminal user is answered who opted out or in."""

    id = models.AutoField(primary_key=True)
    account_id = models.IntegerField(db_default=0)  # 0: for all accounts
    kind = models.TextField()  # out, in
    language = models.TextField()  # en, zh
    content = models.TextField()

    class Meta:
        db_table = "opt_answer"
        constraints = [models.UniqueConstraint(fields=["account_id", "kind", "language"], name="opt_answer_key")]


class SensitiveWord(models.Model):
    id = models.AutoField(primary_key=True)
    word = models.TextField()  # as the operator wrote it
    normal = models.TextField(unique=True)  # as texts are compared
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "sensitive_word"


class Cap(models.Model):
    """At most so many messages in a window of time, counted for each account. An account's own row replaces the general."""

    id = models.AutoField(primary_key=True)
    account_id = models.IntegerField(db_default=0)  # 0: for all accounts
    kind = models.SmallIntegerField()  # 1 number 2 prefix 3 country 4 spend
    action = models.SmallIntegerField(null=True)  # traffic.Priority; null: every action
    country_id = models.IntegerField(db_default=0)  # 0: every country
    most = models.BigIntegerField(null=True)  # messages, or micros of spend; null: no cap
    window_s = models.IntegerField()
    digits = models.SmallIntegerField(db_default=7)  # of a prefix

    class Meta:
        db_table = "cap"
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "kind", "action", "country_id"], name="cap_key", nulls_distinct=False
            )
        ]


class QuietRule(models.Model):
    """When MARKETING waits, on the recipient's clock. Both minutes null: no quiet hours here."""

    id = models.AutoField(primary_key=True)
    account_id = models.IntegerField(db_default=0)  # 0: for all accounts
    country_id = models.IntegerField(db_default=0)  # 0: every country
    start_minute = models.SmallIntegerField(null=True)  # of the day
    end_minute = models.SmallIntegerField(null=True)

    class Meta:
        db_table = "quiet_rule"
        constraints = [models.UniqueConstraint(fields=["account_id", "country_id"], name="quiet_rule_key")]


class Template(models.Model):
    """A text that the operator approves. What it says never changes once it was decided: sql/0004_templates.sql."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True)  # null: for every account
    kind = models.TextField()  # sms, mms, voice, email
    name = models.TextField(db_default="")  # for people
    subject = models.TextField(db_default="")  # of an email
    text = models.TextField()
    state = models.TextField(db_default="pending")  # draft, pending, approved, rejected
    reason = models.TextField(db_default="")  # of the rejection
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    version = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "template"
        indexes = [models.Index(fields=["version"], name="template_version")]


class MailDomain(models.Model):
    """A domain that an account's email may come from, once the operator says that it is the account's."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    domain = models.TextField(unique=True)  # lower case, ASCII
    verified = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "mail_domain"


class AuditEntry(models.Model):
    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    actor = models.TextField()
    action = models.TextField()
    subject = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "audit_entry"


class SealCanary(models.Model):
    """A known text sealed with the sealing key: a machine with another key is told so at its start."""

    id = models.SmallIntegerField(primary_key=True)
    sealed = models.TextField()

    class Meta:
        db_table = "seal_canary"
