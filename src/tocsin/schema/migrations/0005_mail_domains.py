"""Sending domains of email; see ../sql/0005_mail_domains.sql."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0004_templates"),
    ]

    operations = [
        migrations.CreateModel(
            name="MailDomain",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.account"),
                ),
                ("domain", models.TextField(unique=True)),
                ("verified", models.BooleanField(db_default=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "mail_domain",
            },
        ),
        migrations.RunSQL((SQL / "0005_mail_domains.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
