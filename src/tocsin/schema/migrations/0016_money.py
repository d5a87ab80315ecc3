"""Sums of the ledger and of traffic by day, and the low-balance alert; see ../sql/0016_money.sql."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0015_watch")]

    operations = [
        migrations.CreateModel(
            name="BalanceAlert",
            fields=[
                ("account_id", models.IntegerField(primary_key=True, serialize=False)),
                ("threshold_micros", models.BigIntegerField()),
                (
                    "addresses",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), db_default=[], size=None),
                ),
                ("is_below", models.BooleanField(db_default=False)),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "balance_alert",
            },
        ),
        migrations.RunSQL((SQL / "0016_money.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
