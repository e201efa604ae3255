"""The guard in force: that of the policy in force, with what the operator of this service set."""

from collections.abc import Callable

from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.guard import Guard, IsOwn
from myscheduler.core.policy.policy import NO_POLICY


class GuardInForce:
    """Makes a new guard only when the policy changes: connections and judgements are kept as long as the guard is."""

    def __init__(self, rules: Callable[[], Rules], *, api_may_call_private: bool, is_own: IsOwn | None = None) -> None:
        """`rules` returns the rules in force."""
        self._rules = rules
        self._api_may_call_private = api_may_call_private
        self._is_own = is_own
        self._seen: Rules | None = None
        self._guard = Guard()

    def __call__(self) -> Guard:
        rules, seen = self._rules(), self._seen
        if rules is not seen:  # as after each pass over the source
            if seen is None or rules.policy != seen.policy:
                self._guard = Guard(
                    rules.policy or NO_POLICY,
                    rules.reach,
                    api_may_call_private=self._api_may_call_private,
                    is_own=self._is_own,
                )
            self._seen = rules
        return self._guard
