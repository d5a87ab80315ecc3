"""Who is in an account, in which role. One change at a time: the account is locked, so that it never is without an owner."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from tocsin import audit
from tocsin.console.opening import settle
from tocsin.console.rights import RIGHTS, TEAM
from tocsin.console.tenancy import Conn, Member
from tocsin.schema.models import Account, Membership, User


def lock_account(account_id: int) -> Account:
    """The account, until the end of the transaction this one's to change the team of. Others may read it and point to it."""
    return Account.objects.select_for_update(no_key=True).get(id=account_id)


def lock_team(who: Member) -> Account:
    """The same for one who may change the team; asked again, since he may have lost the right while he waited."""
    account = lock_account(who.account_id)
    role = Membership.objects.filter(user=who.user, account=account).values_list("role", flat=True).first()
    if role is None or TEAM not in RIGHTS[role]:
        raise PermissionDenied
    return account


def change_role(conn: Conn, who: Member, membership_id: int, role: str) -> bool:
    """Give a member another role. False: he is the last owner. Another account's member is not found."""
    account = lock_team(who)
    found = _find(account, membership_id)
    if found.role == role:
        return True
    if _is_last_owner(found):
        return False
    before, found.role = found.role, role
    found.save(update_fields=["role"])
    _record(conn, who.user, "member role", account, {"user": found.user_id, "role": before}, role)
    return True


def remove(conn: Conn, who: Member, membership_id: int) -> bool:
    """Take a member out; his next request finds him outside. False: he is the last owner."""
    account = lock_team(who)
    found = _find(account, membership_id)
    return _take_out(conn, who.user, account, found, "member remove")


def leave(conn: Conn, who: Member) -> bool:
    """Go out oneself. False: the last owner cannot."""
    account = lock_account(who.account_id)
    found = Membership.objects.select_related("user").filter(user=who.user, account=account).first()
    return found is None or _take_out(conn, who.user, account, found, "member leave")


def join(conn: Conn, user: User, account: Account, role: str) -> None:
    """Let a user in; one who is a member keeps his role. The caller holds the account's lock."""
    _, new = Membership.objects.get_or_create(user=user, account=account, defaults={"role": role})
    settle(user)
    if new:
        _record(conn, user, "member join", account, None, role)


def _find(account: Account, membership_id: int) -> Membership:
    found = Membership.objects.select_related("user").filter(id=membership_id, account=account).first()
    if found is None:
        raise Http404
    return found


def _is_last_owner(found: Membership) -> bool:
    others = Membership.objects.filter(account_id=found.account_id, role="owner").exclude(id=found.id)
    return found.role == "owner" and not others.exists()


def _take_out(conn: Conn, actor: User, account: Account, found: Membership, verb: str) -> bool:
    if _is_last_owner(found):
        return False
    found.delete()
    settle(found.user)
    _record(conn, actor, verb, account, {"user": found.user_id, "role": found.role}, None)
    return True


def _record(
    conn: Conn, actor: User, verb: str, account: Account, before: dict[str, object] | None, role: str | None
) -> None:
    user = before["user"] if before else actor.id
    after = None if role is None else {"user": user, "role": role}
    audit.record(conn, f"user {actor.id}", verb, f"account {account.name}", before, after)
