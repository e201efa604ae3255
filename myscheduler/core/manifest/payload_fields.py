"""The fields of a job that say what its calls send besides headers and a JSON body: names, shapes, descriptions."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.bounds import LONGEST_HEADER, LONGEST_WORD

MOST_PAIRS = 500
MOST_PARTS = 50
LONGEST_PATH = 1_000
FORM = {"report": "daily", "tag": ["a", "b"]}
MULTIPART = [
    {"name": "title", "value": "日次レポート"},
    {"name": "table", "file": "tables/prices.csv", "content_type": "text/csv"},
]


class PartFields(BaseModel):
    """A part of a multipart form: a value, or a file of the source."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)] = Field(
        description="The name of the form's field.", examples=["table"]
    )
    value: str | None = Field(None, description="The text to send.", examples=["日次レポート"])
    file: Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)] | None = Field(
        None,
        description="The file to send: its path from the root of the source. It is read at each call.",
        examples=["tables/prices.csv"],
    )
    filename: Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)] | None = Field(
        None,
        description="The name under which the file is sent; default the last part of its path.",
        examples=["prices.csv"],
    )
    content_type: Annotated[str, Field(min_length=1, max_length=LONGEST_HEADER)] | None = Field(
        None,
        description="The type of the part; default application/octet-stream for a file, and none for a value.",
        examples=["text/csv"],
    )


QUERY_FIELD: Any = Field(
    None,
    max_length=MOST_PAIRS,
    description="Parameters added to the URL's query: text, numbers, booleans, or lists of them for a name that is "
    "given several times.",
    examples=[{"limit": 100, "tag": ["a", "b"]}],
)
FORM_FIELD: Any = Field(
    None,
    max_length=MOST_PAIRS,
    description="Sent in place of body as the fields of an HTML form (application/x-www-form-urlencoded); values as "
    "those of query.",
    examples=[FORM],
)
TEXT_FIELD: Any = Field(
    None,
    description="Sent in place of body as it is, as text/plain unless a header Content-Type says otherwise.",
    examples=["<report day='monday'/>"],
)
BASE64_FIELD: Any = Field(
    None,
    description="Bytes to send in place of body, written in base64; as application/octet-stream unless a header "
    "Content-Type says otherwise.",
    examples=["iVBORw0KGgo="],
)
MULTIPART_FIELD: Any = Field(
    None,
    min_length=1,
    max_length=MOST_PARTS,
    description="Sent in place of body as a form with files (multipart/form-data).",
    examples=[MULTIPART],
)
