"""Routes by action, sender, hours and weight; costs of channels, and what plans make of them; see ../sql/0006_routing.sql."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tocsin", "0005_mail_domains"),
    ]

    operations = [
        migrations.AddField("plan", "min_margin_percent", models.SmallIntegerField(null=True)),
        migrations.AddField("plan", "by_cost", models.BooleanField(db_default=False)),
        migrations.AddField("route", "action", models.SmallIntegerField(null=True)),
        migrations.AddField("route", "sender", models.TextField(db_default="")),
        migrations.AddField("route", "start_minute", models.SmallIntegerField(null=True)),
        migrations.AddField("route", "end_minute", models.SmallIntegerField(null=True)),
        migrations.AddField("route", "zone", models.TextField(db_default="")),
        migrations.AddField("route", "weight", models.SmallIntegerField(db_default=100)),
        migrations.CreateModel(
            name="Cost",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "channel",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.channel"),
                ),
                ("product", models.SmallIntegerField()),
                (
                    "country",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.country"),
                ),
                ("prefix", models.TextField(db_default="")),
                ("cost_micros", models.BigIntegerField()),
            ],
            options={
                "db_table": "cost",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel", "product", "country", "prefix"), name="cost_key", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.RunSQL((SQL / "0006_routing.sql").read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
