"""State of links, fail-over and the circuit breaker; see ../sql/0007_health.sql."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0006_routing"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="failover_after_s",
            field=models.FloatField(db_default=10.0),
        ),
        migrations.AddField(
            model_name="channel",
            name="queue_age_s",
            field=models.FloatField(null=True),
        ),
        migrations.RunSQL((SQL / "0007_health.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
