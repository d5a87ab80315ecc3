"""Bytes of files, counted for each account; see ../sql/0020_file_bytes.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0019_clock")]

    operations = [
        migrations.RunSQL((SQL / "0020_file_bytes.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
