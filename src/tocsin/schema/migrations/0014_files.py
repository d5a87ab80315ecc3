"""Files that the console's users ask for or bring; see ../sql/0014_files.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0013_batches")]

    operations = [
        migrations.RunSQL((SQL / "0014_files.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
