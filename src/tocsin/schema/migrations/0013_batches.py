"""Batches that are watched and stopped; see ../sql/0013_batches.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0012_send"),
    ]

    operations = [
        migrations.RunSQL((SQL / "0013_batches.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
