"""The demo's log-in to the console. Its password is published, as the demo's API key is: never in production."""

from __future__ import annotations

LOGIN = "demo@tocsin.example"
PASSWORD = "tocsin-demo"  # noqa: S105  published


def make_login(account: str) -> None:
    """Let the demo's user into the account, where that was not done before. Needs Django: after the migration."""
    from allauth.account.models import EmailAddress
    from django.db import transaction

    from tocsin.schema.models import Account, Membership, User

    with transaction.atomic():
        found = Account.objects.select_for_update().get(name=account)
        if User.objects.filter(email=LOGIN).exists():
            return
        user = User.objects.create_user(LOGIN, PASSWORD)
        EmailAddress.objects.create(user=user, email=LOGIN, verified=True, primary=True)
        Membership.objects.create(user=user, account=found, role="owner")
