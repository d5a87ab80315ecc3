"""The time zone that a user reads times in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tocsin", "0009_console")]

    operations = [
        migrations.AddField("user", "zone", models.TextField(db_default="", default="")),
    ]
