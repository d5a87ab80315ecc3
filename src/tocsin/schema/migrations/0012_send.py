"""Sends that people write at the console, until some days after they confirmed them."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0011_integrate")]

    operations = [
        migrations.CreateModel(
            "PreparedSend",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("account", models.ForeignKey("tocsin.account", on_delete=django.db.models.deletion.PROTECT)),
                ("user", models.ForeignKey("tocsin.user", on_delete=django.db.models.deletion.CASCADE)),
                ("kind", models.TextField()),
                ("fields", models.JSONField()),
                ("answer", models.JSONField(null=True)),
                ("made_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "prepared_send",
                "indexes": [models.Index(fields=["account", "made_at"], name="prepared_send_account")],
            },
        ),
        migrations.CreateModel(
            "PreparedFile",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("prepared", models.ForeignKey("tocsin.preparedsend", on_delete=django.db.models.deletion.CASCADE)),
                ("name", models.TextField()),
                ("data", models.BinaryField()),
            ],
            options={"db_table": "prepared_file"},
        ),
    ]
