"""An account's display name, and the one that whoever registers gives to the account that opens for him."""

from django.db import migrations, models


class Migration(migrations.Migration):
    # Tables of others point to our user: theirs are made after it.
    run_before = [("mfa", "0001_initial"), ("usersessions", "0001_initial")]

    dependencies = [("tocsin", "0017_team")]

    operations = [
        migrations.AddField("account", "display_name", models.TextField(db_default="", default="")),
        migrations.AddField("user", "account_name", models.TextField(db_default="", default="")),
    ]
