"""An index of replies by who wrote them; see ../sql/0015_watch.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0014_files")]

    operations = [
        migrations.RunSQL((SQL / "0015_watch.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
