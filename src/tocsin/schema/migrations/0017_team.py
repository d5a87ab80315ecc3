"""Invitations, log-ins and tries, what a user is called, whether an account wants a second factor."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

ROLES = ["owner", "developer", "finance", "viewer"]
SETTLE = "UPDATE console_user SET opens_account = false WHERE id IN (SELECT user_id FROM membership)"


class Migration(migrations.Migration):
    # Tables of others point to our user: theirs are made after it.
    run_before = [("mfa", "0001_initial"), ("usersessions", "0001_initial")]

    dependencies = [("tocsin", "0016_money")]

    operations = [
        migrations.AddField("account", "second_factor", models.BooleanField(db_default=False)),
        migrations.AddField("user", "name", models.TextField(db_default="", default="")),
        migrations.AddField("user", "opens_account", models.BooleanField(db_default=True, default=True)),
        migrations.RunSQL(SETTLE, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("address", models.TextField()),
                ("role", models.TextField()),
                ("token_hash", models.TextField(unique=True)),
                ("sent_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="tocsin.account")),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "invitation",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "address"), name="invitation_key"),
                    models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="invitation_role"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("address", models.TextField()),
                ("agent", models.TextField(db_default="")),
                ("way", models.TextField()),
                ("second", models.TextField(db_default="")),
                ("failed", models.TextField(db_default="")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "sign_in",
                "indexes": [
                    models.Index(fields=["user", "-id"], name="sign_in_user"),
                    models.Index(fields=["at"], name="sign_in_at"),
                ],
            },
        ),
    ]
