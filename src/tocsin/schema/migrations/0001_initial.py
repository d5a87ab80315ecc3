import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                ("locked", models.BooleanField(db_default=False)),
                ("currency", models.TextField(db_default="USD")),
                ("language", models.TextField(db_default="en")),
                (
                    "allow_ips",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), db_default=[], size=None),
                ),
                ("rate_per_s", models.IntegerField(null=True)),
                ("max_parts", models.SmallIntegerField(db_default=16)),
                ("eight_fields", models.BooleanField(db_default=False)),
                ("swap_uplink", models.BooleanField(db_default=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("version", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "account",
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.TextField()),
                ("action", models.TextField()),
                ("subject", models.TextField()),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
            ],
            options={
                "db_table": "audit_entry",
            },
        ),
        migrations.CreateModel(
            name="ChangeClock",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
            ],
            options={
                "db_table": "change_clock",
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                ("kind", models.TextField()),
                ("paused", models.BooleanField(db_default=False)),
                ("rate", models.IntegerField(null=True)),
                ("window", models.IntegerField(db_default=1000)),
                ("unknown_policy", models.TextField(db_default="leave")),
                ("max_attempts", models.SmallIntegerField(db_default=8)),
                ("longest_call_s", models.IntegerField(db_default=600)),
                ("config", models.JSONField(db_default={})),
                ("version", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "channel",
            },
        ),
        migrations.CreateModel(
            name="Country",
            fields=[
                ("code_id", models.IntegerField(primary_key=True, serialize=False)),
                ("iso", models.TextField(unique=True)),
                ("calling_code", models.IntegerField()),
                ("name", models.TextField()),
                ("name_zh", models.TextField()),
                ("enabled", models.BooleanField(db_default=True)),
                ("template_required", models.BooleanField(db_default=False)),
                ("version", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "country",
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                ("charge_failed", models.BooleanField(db_default=True)),
                ("version", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "plan",
            },
        ),
        migrations.CreateModel(
            name="SealCanary",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("sealed", models.TextField()),
            ],
            options={
                "db_table": "seal_canary",
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("sealed", models.TextField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(null=True)),
                ("version", models.BigIntegerField(db_default=0)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.account")),
            ],
            options={
                "db_table": "api_key",
            },
        ),
        migrations.AddField(
            model_name="account",
            name="plan",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.plan"),
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("product", models.SmallIntegerField()),
                ("prefix", models.TextField(db_default="")),
                ("preference", models.IntegerField(db_default=0)),
                ("version", models.BigIntegerField(db_default=0)),
                (
                    "account",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.account"),
                ),
                ("channel", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.channel")),
                (
                    "country",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.country"),
                ),
                ("plan", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.plan")),
            ],
            options={
                "db_table": "route",
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("url", models.TextField()),
                ("secret", models.TextField()),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_reason", models.TextField(db_default="")),
                ("failing_since", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("version", models.BigIntegerField(db_default=0)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.account")),
            ],
            options={
                "db_table": "endpoint",
                "constraints": [models.UniqueConstraint(fields=("account", "kind"), name="endpoint_key")],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("value", models.TextField()),
                ("version", models.BigIntegerField(db_default=0)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.account")),
            ],
            options={
                "db_table": "account_grant",
                "constraints": [models.UniqueConstraint(fields=("account", "kind", "value"), name="grant_key")],
            },
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("product", models.SmallIntegerField()),
                ("prefix", models.TextField(db_default="")),
                ("price_micros", models.BigIntegerField()),
                ("version", models.BigIntegerField(db_default=0)),
                (
                    "channel",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.channel"),
                ),
                (
                    "country",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="tocsin.country"),
                ),
                ("plan", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.plan")),
            ],
            options={
                "db_table": "price",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plan", "product", "country", "prefix", "channel"),
                        name="price_key",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
