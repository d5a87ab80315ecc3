"""Names of keys; what the pages of Integrate show: see ../sql/0011_integrate.sql."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0010_zone")]

    operations = [
        migrations.AddField("apikey", "name", models.TextField(db_default="", default="")),
        migrations.RunSQL((SQL / "0011_integrate.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
