"""The hot tables and their functions, by hand: see ../sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0001_initial")]
    operations = [
        migrations.RunSQL((SQL / "0001_hot.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
        migrations.RunSQL((SQL / "0002_functions.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
