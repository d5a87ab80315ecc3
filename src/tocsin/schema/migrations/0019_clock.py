"""Processes whose clock is wrong; see ../sql/0019_clock.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0018_display_name")]

    operations = [
        migrations.RunSQL((SQL / "0019_clock.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
