"""Templates of SMS, MMS, voice and email; see ../sql/0004_templates.sql."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0003_compliance"),
    ]

    operations = [
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "account",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.account"),
                ),
                ("kind", models.TextField()),
                ("name", models.TextField(db_default="")),
                ("subject", models.TextField(db_default="")),
                ("text", models.TextField()),
                ("state", models.TextField(db_default="pending")),
                ("reason", models.TextField(db_default="")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_at", models.DateTimeField(null=True)),
                ("version", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "template",
                "indexes": [models.Index(fields=["version"], name="template_version")],
            },
        ),
        migrations.RunSQL((SQL / "0004_templates.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
