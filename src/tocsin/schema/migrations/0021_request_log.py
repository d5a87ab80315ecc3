"""The request log by day, with strangers' requests marked; see ../sql/0021_request_log.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0020_file_bytes")]

    operations = [
        migrations.RunSQL((SQL / "0021_request_log.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
