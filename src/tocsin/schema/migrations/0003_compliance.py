"""What sends are screened by: blacklist, opt-outs, words, caps, quiet hours; see ../sql/0003_compliance.sql."""

from pathlib import Path

import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0002_hot"),
    ]

    operations = [
        migrations.CreateModel(
            name="SensitiveWord",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("word", models.TextField()),
                ("normal", models.TextField(unique=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "sensitive_word",
            },
        ),
        migrations.CreateModel(
            name="BlacklistEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField(db_default=0)),
                ("value", models.TextField()),
                ("origin", models.TextField(db_default="operator")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "blacklist",
                "indexes": [models.Index(fields=["account_id", "id"], name="blacklist_account")],
                "constraints": [models.UniqueConstraint(fields=("value", "account_id"), name="blacklist_key")],
            },
        ),
        migrations.CreateModel(
            name="Cap",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField(db_default=0)),
                ("kind", models.SmallIntegerField()),
                ("action", models.SmallIntegerField(null=True)),
                ("country_id", models.IntegerField(db_default=0)),
                ("most", models.BigIntegerField(null=True)),
                ("window_s", models.IntegerField()),
                ("digits", models.SmallIntegerField(db_default=7)),
            ],
            options={
                "db_table": "cap",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account_id", "kind", "action", "country_id"), name="cap_key", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OptAnswer",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField(db_default=0)),
                ("kind", models.TextField()),
                ("language", models.TextField()),
                ("content", models.TextField()),
            ],
            options={
                "db_table": "opt_answer",
                "constraints": [
                    models.UniqueConstraint(fields=("account_id", "kind", "language"), name="opt_answer_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="OptOut",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField()),
                ("value", models.TextField()),
                ("sender", models.TextField(db_default="")),
                ("origin", models.TextField(db_default="reply")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "opt_out",
                "indexes": [models.Index(fields=["account_id", "id"], name="opt_out_account")],
                "constraints": [models.UniqueConstraint(fields=("value", "account_id", "sender"), name="opt_out_key")],
            },
        ),
        migrations.CreateModel(
            name="QuietRule",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("account_id", models.IntegerField(db_default=0)),
                ("country_id", models.IntegerField(db_default=0)),
                ("start_minute", models.SmallIntegerField(null=True)),
                ("end_minute", models.SmallIntegerField(null=True)),
            ],
            options={
                "db_table": "quiet_rule",
                "constraints": [models.UniqueConstraint(fields=("account_id", "country_id"), name="quiet_rule_key")],
            },
        ),
        migrations.RunSQL((SQL / "0003_compliance.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
