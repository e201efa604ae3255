"""The JSON shapes of roles, scopes and tokens."""

from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.tokens import ApiToken


class BindingView(TypedDict):
    role: str
    scope: dict[str, Any]


class TokenView(TypedDict):
    """A token without its secret."""

    id: str
    name: str
    role: str
    scope: dict[str, Any]
    created_at: str | None
    created_by: str
    expires_at: str | None
    last_used_at: str | None
    """Up to ten minutes before the last use."""
    revoked_at: str | None


class NewTokenView(TokenView):
    token: str
    """The whole token; it is shown only once."""


class TokenList(TypedDict):
    tokens: list[TokenView]


def bindings_view(bindings: Iterable[Binding]) -> list[BindingView]:
    return [{"role": one.role, "scope": one.scope.as_json()} for one in bindings]


class TokenViews(InZone):
    def view(self, token: ApiToken) -> TokenView:
        return {
            "id": token.token_id,
            "name": token.name,
            "role": token.binding.role,
            "scope": token.binding.scope.as_json(),
            "created_at": self._time(token.created_at),
            "created_by": token.created_by,
            "expires_at": self._time(token.expires_at),
            "last_used_at": self._time(token.last_used_at),
            "revoked_at": self._time(token.revoked_at),
        }
