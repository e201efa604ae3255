"""A server that speaks what token endpoints speak, checks what it gets, and has an API that wants the tokens.

with TokenServer() as server:
… call server.url("/api") with a token of server.url("/token") …
assert server.issued == 1
"""

import json
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, PASSWORD = "scheduler:東京", "p+ss/wörd"
GOOGLE = "/computeMetadata/v1/instance/service-accounts/default"
ACCOUNT = "jobs@example.iam.gserviceaccount.com"


class TokenServer:
    """Tokens are `token-1`, `token-2`, …; only the last one is accepted by `/api`, which repeats it in its answer."""

    def __init__(self) -> None:
        self.issued = 0
        self.refuses: tuple[int, dict[str, str]] | None = None
        """A status and headers with which the token endpoints answer."""
        self.calls: list[int] = []
        """The statuses that `/api` answered."""
        self.asked: list[dict[str, str]] = []
        """The fields of each request at `/token`."""
        self.lifetime: int | str | None = 3600
        self.padding = ""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self, b"")

            def do_POST(self) -> None:
                outer._answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    @property
    def account_key(self) -> str:
        """The JSON key of a service account, whose tokens are issued here."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return json.dumps(
            {
                "type": "service_account",
                "client_email": ACCOUNT,
                "private_key_id": "key-1",
                "private_key": pem.decode(),
                "token_uri": self.url("/google"),
            }
        )

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path, answer = urlsplit(handler.path), cast(Any, None)
        with self._lock:
            if path.path == "/api":
                status, answer = self._api(handler)
                self.calls.append(status)
            elif self.refuses is not None:
                status, answer = self.refuses[0], {"error": "refused"}
            elif path.path.startswith(GOOGLE):
                status, answer = self._metadata(handler, parse_qs(path.query))
            else:
                fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                self.asked.append(fields)
                status, answer = (self._google if path.path == "/google" else self._token)(handler, fields)
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in (self.refuses or (0, {}))[1].items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _new(self) -> str:
        self.issued += 1
        return f"token-{self.issued}{self.padding}"

    def _api(self, handler: BaseHTTPRequestHandler) -> tuple[int, str]:
        sent = handler.headers.get("Authorization", "")
        return (200 if sent == f"Bearer token-{self.issued}{self.padding}" else 401), f"got {sent}"

    def _token(self, handler: BaseHTTPRequestHandler, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        scheme, _, credentials = handler.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, password = (unquote_plus(one) for one in b64decode(credentials).decode().partition(":"))
        else:
            client, password = fields.get("client_id", ""), fields.get("client_secret", "")
        if (client, password) != (CLIENT, PASSWORD) or fields.get("grant_type") != "client_credentials":
            return 401, {"error": "invalid_client"}
        lifetime = {} if self.lifetime is None else {"expires_in": self.lifetime}
        return 200, {"access_token": self._new(), "token_type": "Bearer", **lifetime}

    def _google(self, _: BaseHTTPRequestHandler, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            claims = jwt.decode(
                fields["assertion"], self.key.public_key(), algorithms=["RS256"], audience=self.url("/google")
            )
        except (KeyError, jwt.PyJWTError) as error:
            return 400, {"error": "invalid_grant", "error_description": str(error)}
        if fields["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" or claims["iss"] != ACCOUNT:
            return 400, {"error": "invalid_grant"}
        self.asked[-1] = {**fields, **{name: str(value) for name, value in claims.items()}}
        name = "id_token" if "target_audience" in claims else "access_token"
        return 200, {name: self._new(), "expires_in": 3600}

    def _metadata(self, handler: BaseHTTPRequestHandler, query: dict[str, list[str]]) -> tuple[int, Any]:
        if handler.headers.get("Metadata-Flavor") != "Google":
            return 403, {"error": "no flavor"}
        self.asked.append({name: values[0] for name, values in query.items()})
        if handler.path.partition("?")[0].endswith("/identity"):
            return 200, self._new()
        return 200, {"access_token": self._new(), "expires_in": 3600, "token_type": "Bearer"}
