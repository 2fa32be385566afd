"""Groups of users, and the roles that they give to their members."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ForeignKey, String, bindparam, delete, func, literal_column, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.database import Read, Statements
from oidcserver.database.statements import insert_once
from oidcserver.models.base import Base, Time, Words
from oidcserver.models.upstream import UpstreamLink
from oidcserver.models.user import User
from oidcserver.texts import is_plain

MAX_GROUP_NAME = 255
#: No name of a group has a line break.
_SEPARATOR = "\n"
#: In the text of the statement, since a compiled read takes no such parameter.
_QUOTED: Any = literal_column(f"'{_SEPARATOR}'")
_SPACE: Any = literal_column("' '")
_TAB: Any = literal_column("'\t'")
_NOTHING: Any = literal_column("''")


class Group(Base):
    """A group. ``roles`` are words, which applications get in the claim ``roles``."""

    __tablename__ = "user_group"

    name: Mapped[str] = mapped_column(String(MAX_GROUP_NAME), primary_key=True)
    roles: Mapped[str] = mapped_column(Words, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)


class Membership(Base):
    """A user is a member of a group."""

    __tablename__ = "membership"

    group_name: Mapped[str] = mapped_column(
        ForeignKey("user_group.name", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class UpstreamGroup(Base):
    """A group of which an upstream made its user a member, at the last sign-in there."""

    __tablename__ = "upstream_group"

    link_id: Mapped[str] = mapped_column(
        ForeignKey("upstream_link.id", ondelete="CASCADE"), primary_key=True
    )
    group_name: Mapped[str] = mapped_column(String(MAX_GROUP_NAME), primary_key=True)


_NAMES = (
    select(func.aggregate_strings(Group.name, _QUOTED))
    .join(Membership, Membership.group_name == Group.name)
    .where(Membership.user_id == bindparam("user_id"))
)
_ROLES = (
    select(func.aggregate_strings(Group.roles, _QUOTED))
    .join(Membership, Membership.group_name == Group.name)
    .where(Membership.user_id == bindparam("user_id"))
)
#: Upstream, its issuer, the group and its roles; neither an upstream nor an issuer has a space.
_BY_UPSTREAM = (
    select(
        func.aggregate_strings(
            UpstreamLink.upstream
            + _SPACE
            + UpstreamLink.issuer
            + _SPACE
            + UpstreamGroup.group_name
            + _TAB
            + func.coalesce(Group.roles, _NOTHING),
            _QUOTED,
        )
    )
    .join(UpstreamGroup, UpstreamGroup.link_id == UpstreamLink.id)
    .outerjoin(Group, Group.name == UpstreamGroup.group_name)
    .where(UpstreamLink.user_id == bindparam("user_id"))
)
_OF_USER = Read(
    select(_NAMES.scalar_subquery(), _ROLES.scalar_subquery(), _BY_UPSTREAM.scalar_subquery())
)


def stored_groups(
    database: Statements, user_id: str, counts: Callable[[str, str], bool]
) -> tuple[list[str], list[str]]:
    """Return the groups of a user and the roles that they give, each sorted and once.

    :param counts: takes the name of an upstream and its issuer, and returns whether the groups that
        it named count.
    """
    names, roles, by_upstream = database.read(_OF_USER, user_id=user_id)
    found = set(names.split(_SEPARATOR)) if names is not None else set()
    given = set(roles.split()) if roles is not None else set()
    for line in by_upstream.split(_SEPARATOR) if by_upstream is not None else ():
        upstream, issuer, rest = line.split(" ", 2)
        name, _, more = rest.partition("\t")
        if counts(upstream, issuer):
            found.add(name)
            given.update(more.split())
    return sorted(found), sorted(given)


def checked_group_name(text: str) -> str | None:
    """Return the name of a group or of a role as it is stored; None if it cannot be one."""
    name = unicodedata.normalize("NFC", text.strip())
    return name if name and len(name) <= MAX_GROUP_NAME and is_plain(name) else None


def set_upstream_groups(dbsession: Session, link_id: str, names: Iterable[str]) -> None:
    """Let an upstream's user be a member of these groups, and of no others by that link."""
    own = UpstreamGroup.link_id == link_id
    wanted = set(names)
    held = set(dbsession.scalars(select(UpstreamGroup.group_name).where(own)))
    if gone := held - wanted:
        dbsession.execute(delete(UpstreamGroup).where(own, UpstreamGroup.group_name.in_(gone)))
    for name in sorted(wanted - held):
        insert_once(dbsession, UpstreamGroup, link_id=link_id, group_name=name)


def names_of_upstream_groups(dbsession: Session) -> Sequence[str]:
    """Return the names of the groups of which upstreams made users members."""
    return dbsession.scalars(select(UpstreamGroup.group_name).distinct()).all()


def groups_of_link(dbsession: Session, link_id: str) -> Sequence[str]:
    """Return the names of the groups of which an upstream made its user a member, sorted."""
    own = select(UpstreamGroup.group_name).where(UpstreamGroup.link_id == link_id)
    return dbsession.scalars(own.order_by(UpstreamGroup.group_name)).all()


def memberships_of(dbsession: Session, user_id: str) -> Sequence[str]:
    """Return the names of the groups that the operator put a user into, sorted."""
    own = select(Membership.group_name).where(Membership.user_id == user_id)
    return dbsession.scalars(own.order_by(Membership.group_name)).all()


def members_by_upstream(dbsession: Session, name: str) -> Sequence[str]:
    """Return the names of the users whom an upstream made members of a group, sorted."""
    statement = (
        select(User.username)
        .join(UpstreamLink, UpstreamLink.user_id == User.id)
        .join(UpstreamGroup, UpstreamGroup.link_id == UpstreamLink.id)
        .where(UpstreamGroup.group_name == name)
        .distinct()
        .order_by(User.username)
    )
    return dbsession.scalars(statement).all()


def members_of(dbsession: Session, name: str) -> Sequence[str]:
    """Return the user names of the members of a group, sorted."""
    members = select(User.username).join(Membership, Membership.user_id == User.id)
    statement = members.where(Membership.group_name == name).order_by(User.username_key)
    return dbsession.scalars(statement).all()


def remove_member(dbsession: Session, name: str, user_id: str) -> bool:
    """Remove a user from a group; return whether the user was a member."""
    statement = (
        delete(Membership)
        .where(Membership.group_name == name, Membership.user_id == user_id)
        .returning(Membership.user_id)
    )
    return dbsession.scalar(statement) is not None
