"""SQL of the API tokens. A revoked token keeps its row, so that access stays on when the last token is revoked."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.tables import tokens
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import Scope, parse_scope
from myscheduler.core.access.tokens import ApiToken

MOST_TOKENS = 10_000
"""The most tokens that a database may hold, revoked ones included."""


def insert(connection: sa.Connection, token: ApiToken) -> None:
    """Store a new token. Raises `sqlalchemy.exc.IntegrityError` if its name is taken: see `by_name`."""
    values = {
        "token_id": token.token_id,
        "name": token.name,
        "hash": token.hash,
        "role": token.binding.role,
        "scope": json.dumps(token.binding.scope.as_json(), ensure_ascii=False),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
    }
    connection.execute(sa.insert(tokens).values(values))


def all_tokens(connection: sa.Connection) -> list[ApiToken]:
    """All tokens, sorted by name; revoked and expired ones, too."""
    return [_token(row) for row in connection.execute(sa.select(tokens).order_by(tokens.c.name))]


def find(connection: sa.Connection, token_id: str) -> ApiToken | None:
    """The token with this public id."""
    row = connection.execute(sa.select(tokens).where(tokens.c.token_id == token_id)).first()
    return _token(row) if row else None


def by_name(connection: sa.Connection, name: str) -> ApiToken | None:
    """The token with this name."""
    row = connection.execute(sa.select(tokens).where(tokens.c.name == name)).first()
    return _token(row) if row else None


def count(connection: sa.Connection) -> int:
    """The number of tokens, revoked ones included."""
    return connection.execute(sa.select(sa.func.count()).select_from(tokens)).scalar_one()


def revoke(connection: sa.Connection, token_id: str, at: datetime) -> None:
    """Mark a token as revoked; one that is revoked already keeps its time."""
    is_valid = (tokens.c.token_id == token_id) & tokens.c.revoked_at.is_(None)
    connection.execute(sa.update(tokens).where(is_valid).values(revoked_at=at))


def mark_used(connection: sa.Connection, used: dict[str, datetime]) -> None:
    """Record when tokens, given by id, were last used."""
    statement = (
        sa.update(tokens).where(tokens.c.token_id == sa.bindparam("b_id")).values(last_used_at=sa.bindparam("b_at"))
    )
    connection.execute(statement, [{"b_id": token_id, "b_at": at} for token_id, at in used.items()])


@lru_cache(maxsize=1_024)
def _scope(text: str) -> Scope:
    """The scope that is stored so. Many tokens have the same one, and it never changes."""
    return parse_scope(json.loads(text))


def _token(row: sa.Row[Any]) -> ApiToken:
    return ApiToken(
        row.token_id,
        row.name,
        row.hash,
        Binding(Role(row.role), _scope(row.scope)),
        row.created_at,
        row.created_by,
        row.expires_at,
        row.last_used_at,
        row.revoked_at,
    )
