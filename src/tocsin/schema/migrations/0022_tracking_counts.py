"""Events of emails beyond the first ones, counted; see ../sql/0022_tracking_counts.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0021_request_log")]

    operations = [
        migrations.RunSQL((SQL / "0022_tracking_counts.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
