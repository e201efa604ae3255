"""The fields `auth` and `sign` of a job: names, shapes and descriptions."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.bounds import LONGEST_HEADER, LONGEST_URL, LONGEST_WORD

Word = Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)]
Credential = Annotated[str, Field(min_length=1, max_length=LONGEST_HEADER)]
MOST_KEYS = 5
MOST_SCOPES = 50
AUTH = {
    "oauth2": {
        "token_url": "https://login.example.com/oauth2/token",
        "client_id": "scheduler",
        "client_secret": "${secret:billing-client}",
        "scope": "jobs:run",
    }
}
"""The example."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class BasicFields(_Strict):
    """User and password, sent in the header Authorization."""

    username: Credential = Field(description="The user.", examples=["scheduler"])
    password: Credential = Field(description="The password, as a reference.", examples=["${secret:billing-password}"])


class BearerFields(_Strict):
    """A token, sent in the header Authorization."""

    token: Credential = Field(description="The token, as a reference.", examples=["${secret:billing-token}"])


class OAuth2Fields(_Strict):
    """A token of the client credentials grant: fetched when it is needed, and kept until it expires."""

    token_url: Annotated[str, Field(max_length=LONGEST_URL)] = Field(
        description="The token endpoint.", examples=["https://login.example.com/oauth2/token"]
    )
    client_id: Credential = Field(description="The client's id.", examples=["scheduler"])
    client_secret: Credential = Field(
        description="The client's secret, as a reference.", examples=["${secret:billing-client}"]
    )
    scope: Credential | None = Field(
        None, description="The scopes to ask for, with blanks between them.", examples=["jobs:run"]
    )
    audience: Credential | None = Field(
        None, description="The audience to ask for, where the endpoint needs one.", examples=["https://api.example.com"]
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] | None = Field(
        None,
        description="Whether id and secret go to the endpoint in the header Authorization or in the body; default "
        "client_secret_basic.",
        examples=["client_secret_post"],
    )


class GcpIdTokenFields(_Strict):
    """An identity token of Google, as Cloud Run and Cloud Functions ask for."""

    audience: Credential = Field(description="The URL of the service called.", examples=["https://run.example.com"])
    key: Credential | None = Field(
        None,
        description="The JSON key of a service account, as a reference; without it, the metadata server of the "
        "machine is asked.",
        examples=["${secret:gcp-key}"],
    )


class GcpAccessTokenFields(_Strict):
    """An access token of Google, for its own APIs."""

    scopes: Annotated[list[Credential], Field(min_length=1, max_length=MOST_SCOPES)] | None = Field(
        None,
        description="The scopes to ask for; default https://www.googleapis.com/auth/cloud-platform.",
        examples=[["https://www.googleapis.com/auth/pubsub"]],
    )
    key: Credential | None = Field(None, description="As in gcp_id_token.", examples=["${secret:gcp-key}"])


class KubernetesFields(_Strict):
    """A token of the service's own service account, from a projected volume."""

    audience: Credential = Field(description="The audience of the token.", examples=["https://billing"])


class AwsSigV4Fields(_Strict):
    """A signature of AWS, version 4."""

    service: Word = Field(description="The signing name of the AWS service.", examples=["execute-api"])
    region: Word = Field(description="The region.", examples=["ap-northeast-1"])
    access_key_id: Credential = Field(description="The id of the access key.", examples=["${secret:aws-key-id}"])
    secret_access_key: Credential = Field(
        description="The secret access key, as a reference.", examples=["${secret:aws-key}"]
    )
    session_token: Credential | None = Field(
        None, description="The session token of temporary credentials.", examples=["${secret:aws-session}"]
    )


class AuthFields(_Strict):
    """How the call proves who makes it; exactly one of these."""

    basic: BasicFields | None = Field(None, description="User and password.", examples=[
        {"username": "scheduler", "password": "${secret:billing-password}"}
    ])  # fmt: skip
    bearer: BearerFields | None = Field(None, description="A token.", examples=[{"token": "${secret:billing-token}"}])
    oauth2: OAuth2Fields | None = Field(None, description="OAuth2 client credentials.", examples=[AUTH["oauth2"]])
    gcp_id_token: GcpIdTokenFields | None = Field(
        None, description="An identity token of Google.", examples=[{"audience": "https://run.example.com"}]
    )
    gcp_access_token: GcpAccessTokenFields | None = Field(
        None, description="An access token of Google.",
        examples=[{"scopes": ["https://www.googleapis.com/auth/pubsub"]}],
    )  # fmt: skip
    kubernetes: KubernetesFields | None = Field(
        None, description="A token of the service's service account.", examples=[{"audience": "https://billing"}]
    )
    aws_sigv4: AwsSigV4Fields | None = Field(
        None, description="A signature of AWS.",
        examples=[{
            "service": "execute-api", "region": "ap-northeast-1", "access_key_id": "${secret:aws-key-id}",
            "secret_access_key": "${secret:aws-key}",
        }],
    )  # fmt: skip


class SignFields(_Strict):
    """Signatures by which the target can check that a call is ours, and recent."""

    standard_webhooks: Annotated[list[Credential], Field(min_length=1, max_length=MOST_KEYS)] = Field(
        description="The keys of Standard Webhooks, whsec_… (HMAC) or whsk_… (ed25519), as references; with several, "
        "each call is signed with each of them.",
        examples=[["${secret:webhook-key}"]],
    )


AUTH_FIELD: Any = Field(None, description="How the call proves who makes it.", examples=[AUTH])
SIGN_FIELD: Any = Field(
    None, description="How the call is signed.", examples=[{"standard_webhooks": ["${secret:webhook-key}"]}]
)
