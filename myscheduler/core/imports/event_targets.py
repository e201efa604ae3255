"""The calls that targets of EventBridge become: API destinations with their connections, and Lambda functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.secret_names import ascii_name
from myscheduler.core.imports.exports import (
    Export,
    Fields,
    Item,
    literal,
    number_of,
    part,
    parts,
    payload_of,
    text_of,
)

_USUAL_RATE = 300
_JSON = "application/json; charset=utf-8"
_TIMEOUT = 5
"""Seconds that EventBridge waits for the answer of an API destination."""
_TIME = "scheduled_at | zone('UTC') | date('%Y-%m-%dT%H:%M:%SZ')"
_LAMBDA = "the function is invoked by the API of Lambda, which answers 202 as soon as the event is queued"


@dataclass(frozen=True, slots=True)
class Arn:
    """The name of a resource of AWS."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def of(cls, text: str) -> "Arn":
        parts_of = text.split(":", 5)
        if len(parts_of) != 6 or parts_of[0] != "arn":
            raise NotTakenOver("its target has no ARN")
        return cls(text, *parts_of[1:])


@dataclass(slots=True)
class Destinations:
    """The API destinations and connections of an export, by the beginning of their ARNs, and by their names."""

    destinations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    connections: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, value: Mapping[str, Any]) -> bool:
        """Add what describe-api-destination or describe-connection printed; whether it is one of them."""
        if isinstance(value.get("ApiDestinationArn"), str):
            self.destinations[_key(value["ApiDestinationArn"])] = value
        elif isinstance(value.get("ConnectionArn"), str) and "AuthorizationType" in value:
            self.connections[_key(value["ConnectionArn"])] = value
        else:
            return False
        return True


def _key(arn: str) -> str:
    """The ARN without the number that is at its end."""
    return "/".join(arn.split("/")[:2])


def call_of(export: Export, item: Item, target: Mapping[str, Any], source: Arn, destinations: Destinations) -> Fields:
    """The fields of the call to a target of the schedule or rule `source`. Raises `NotTakenOver`."""
    arn = Arn.of(text_of(target, "Arn"))
    for name in ("InputPath", "InputTransformer"):
        if target.get(name) is not None:
            raise NotTakenOver(f"makes its input from an event ({name}): write the body into the manifest")
    content = _input(export, target, source)
    if arn.service == "lambda":
        return _invocation(export, item, arn, content)
    if arn.service == "events" and arn.resource.startswith("api-destination/"):
        destination = destinations.destinations.get(_key(arn.text))
        if destination is None:
            raise NotTakenOver("its API destination is not in the file: add what describe-api-destination prints")
        return _request(export, item, target, destination, content, destinations)
    what = arn.resource.split(":")[1] if arn.service == "scheduler" and ":" in arn.resource else arn.service
    raise NotTakenOver(
        f"calls {what} of AWS: only API destinations and Lambda functions can be imported; for another API, write "
        "its URL with auth: {aws_sigv4: …}"
    )


# --- the body ---


def _input(export: Export, target: Mapping[str, Any], source: Arn) -> Fields:
    """The field with the input of the target, or with the event that is sent without one."""
    written = text_of(target, "Input", "")
    if not written:
        return {"body": _event(export, source)}
    content = payload_of(written.encode(), "application/json")
    name, value = next(iter(content.items()))
    return {name: _with_context(export, value, source)}


def _event(export: Export, source: Arn) -> Fields:
    is_rule = source.service == "events"
    return {
        "version": "0",
        "id": export.to.expressions.marker("execution_id"),
        "detail-type": "Scheduled Event",
        "source": f"aws.{source.service}",
        "account": source.account,
        "time": export.to.expressions.marker(_TIME),
        "region": source.region,
        "resources": [source.text] if source.account else [],
        "detail": {} if is_rule else "{}",
    }


def _with_context(export: Export, value: Any, source: Arn) -> Any:
    """The value with expressions in place of the context attributes of EventBridge Scheduler."""
    if isinstance(value, Mapping):
        return {key: _with_context(export, one, source) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_context(export, one, source) for one in value]
    if not isinstance(value, str) or "<aws.scheduler." not in value:
        return value
    for name, found in {
        "scheduled-time": export.to.expressions.marker(_TIME),
        "execution-id": export.to.expressions.marker("execution_id"),
        "schedule-arn": source.text,
    }.items():
        value = value.replace(f"<aws.scheduler.{name}>", found)
    if "<aws.scheduler." in value:
        raise NotTakenOver("its input has a context attribute that a job doesn't have, such as attempt-number")
    return value


# --- Lambda ---


def _invocation(export: Export, item: Item, arn: Arn, content: Fields) -> Fields:
    words = arn.resource.split(":")
    if words[0] != "function" or len(words) not in {2, 3}:
        raise NotTakenOver("its target is not a Lambda function")
    export.warn_once(item, _LAMBDA)
    key, secret = "aws-access-key-id", "aws-secret-access-key"
    export.warn_once(
        item, f"${{secret:{key}}} and ${{secret:{secret}}} must hold an access key that may invoke it", "secret"
    )
    host = f"lambda.{arn.region}.amazonaws.com{'.cn' if arn.partition == 'aws-cn' else ''}"
    query = f"?Qualifier={words[2]}" if len(words) == 3 else ""
    return {
        "target_url": literal(f"https://{host}/2015-03-31/functions/{words[1]}/invocations{query}"),
        "method": "POST",
        "headers": {"X-Amz-Invocation-Type": "Event"},
        "auth": {
            "aws_sigv4": {
                "service": "lambda",
                "region": arn.region,
                "access_key_id": f"${{secret:{key}}}",
                "secret_access_key": f"${{secret:{secret}}}",
            }
        },
        **content,
    }


# --- API destinations ---


def _request(
    export: Export,
    item: Item,
    target: Mapping[str, Any],
    destination: Mapping[str, Any],
    content: Fields,
    destinations: Destinations,
) -> Fields:
    name = text_of(destination, "Name", "the API destination")
    rate = number_of(destination, "InvocationRateLimitPerSecond", _USUAL_RATE)
    if rate != _USUAL_RATE:
        export.warn_once(
            item,
            f"{name} is called at most {rate} times a second: put it into targets.yaml as a target with "
            f"rate: {{calls: {rate}, per: PT1S}}",
        )
    http = part(target, "HttpParameters")
    headers = {"Content-Type": _JSON} | _texts(http, "HeaderParameters")
    method = text_of(destination, "HttpMethod", "POST")
    call: Fields = {
        "target_url": literal(_url(destination, http)),
        "method": method,
        "headers": literal(headers),
        "query": literal(_texts(http, "QueryStringParameters")) or None,
        "timeout_sec": _TIMEOUT,
    }
    if method in {"GET", "HEAD"}:
        call["headers"].pop("Content-Type")
    else:
        call |= content
    connection = destinations.connections.get(_key(text_of(destination, "ConnectionArn", "")))
    if connection is None:
        raise NotTakenOver(
            "the connection of its API destination is not in the file: add what describe-connection prints"
        )
    _connect(export, item, call, connection)
    return {field_name: value for field_name, value in call.items() if value is not None}


def _url(destination: Mapping[str, Any], http: Mapping[str, Any]) -> str:
    """The endpoint with the values of its path parameters in place of each `*`."""
    url = text_of(destination, "InvocationEndpoint")
    values = http.get("PathParameterValues") or []
    pieces = url.split("*")
    if not (isinstance(values, list) and all(isinstance(one, str) for one in values)) or len(values) != len(pieces) - 1:
        raise NotTakenOver("its PathParameterValues don't fit the * of the InvocationEndpoint")
    return "".join(text for pair in zip(pieces, [*values, ""], strict=True) for text in pair)


def _texts(value: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: text_of(part(value, name), key) for key in part(value, name)}


def _connect(export: Export, item: Item, call: Fields, connection: Mapping[str, Any]) -> None:
    """Add what the connection adds to a call."""
    name = text_of(connection, "Name", "connection")
    given = part(connection, "AuthParameters")
    match connection.get("AuthorizationType"):
        case "BASIC":
            user = text_of(part(given, "BasicAuthParameters"), "Username")
            password = _secret(export, item, name, "password", "the password")
            call["auth"] = {"basic": {"username": literal(user), "password": password}}
        case "API_KEY":
            header = text_of(part(given, "ApiKeyAuthParameters"), "ApiKeyName")
            call["headers"] = call["headers"] | {header: _secret(export, item, name, "api-key", "the API key")}
        case "OAUTH_CLIENT_CREDENTIALS":
            call["auth"] = {"oauth2": _oauth(export, item, name, part(given, "OAuthParameters"))}
        case _:
            raise NotTakenOver("its connection has an AuthorizationType that is not known here")
    more = part(given, "InvocationHttpParameters")
    call["headers"] = call["headers"] | _added(export, item, name, more, "HeaderParameters")
    if query := _added(export, item, name, more, "QueryStringParameters"):
        call["query"] = (call.get("query") or {}) | query
    if body := _added(export, item, name, more, "BodyParameters"):
        if not isinstance(call.get("body"), dict):
            raise NotTakenOver("its connection adds fields to a body that is no JSON object")
        call["body"] = call["body"] | body


def _added(export: Export, item: Item, name: str, given: Mapping[str, Any], kind: str) -> dict[str, str]:
    found = {}
    for one in parts(given, kind):
        key = text_of(one, "Key")
        is_secret = one.get("IsValueSecret") is True or one.get("Value") is None
        found[key] = _secret(export, item, name, key, key) if is_secret else literal(text_of(one, "Value"))
    return found


def _oauth(export: Export, item: Item, name: str, given: Mapping[str, Any]) -> Fields:
    if text_of(given, "HttpMethod", "POST") != "POST":
        raise NotTakenOver("its token endpoint is not called by POST")
    extra = part(given, "OAuthHttpParameters")
    if parts(extra, "HeaderParameters") or parts(extra, "QueryStringParameters"):
        raise NotTakenOver("its token endpoint gets headers or a query of its own, which oauth2 doesn't have")
    body = _added(export, item, name, extra, "BodyParameters")
    if unknown := sorted(body.keys() - {"scope", "audience", "grant_type"}):
        raise NotTakenOver(f"its token endpoint gets {json.dumps(unknown[0])[:60]}, which oauth2 doesn't have")
    body.pop("grant_type", None)
    return {
        "token_url": literal(text_of(given, "AuthorizationEndpoint")),
        "client_id": literal(text_of(part(given, "ClientParameters"), "ClientID")),
        "client_secret": _secret(export, item, name, "client-secret", "the secret of the client"),
        **body,
    }


def _secret(export: Export, item: Item, connection: str, field_name: str, what: str) -> str:
    """A reference to a secret of a connection, which no export has."""
    wished = ascii_name(f"{connection}-{field_name}") or "connection"
    secret = export.to.secrets.name_of(f"connection {connection} {field_name}", wished)
    shown = ascii_name(connection)
    export.warn(item, f"${{secret:{secret}}} must hold {what} of the connection {shown}, which no export has", "secret")
    return f"${{secret:{secret}}}"
