"""docs/messages.md lists every sentence, with its code and parameters."""

import os
from collections.abc import Iterator

from myscheduler.messages.catalogue import MESSAGES, OTHER, SUBJECTS
from myscheduler.messages.template import parameters, parsed
from tests.support.checkout import ROOT

PAGE = ROOT / "docs/messages.md"
HEAD = """\
# Messages

Wherever the API answers with an English sentence, it gives the sentence's code and parameters, too, so that a client
can say it in another language; [REST API](rest-api.md#messages) tells where. These are all codes, with the English text
and what each parameter is. The page is made from the catalogue in the code.

- A code never changes its meaning, and its parameters are never renamed or removed. There may be new codes: for one
  that a client doesn't know, it shows the English `text`.
- A timestamp is RFC 3339, mostly with the offset of the job's zone; a length of time is a number of seconds; sizes and
  counts are integers. A message is a sentence, or a part of one, with a code of its own.
- `[…]` is left out if its parameter is null.
- Texts among the parameters are as in the English sentence: cut, quoted and without credentials. One that is longer
  than 500 characters ends with `…`.
- `{other}` has no parameters: a text that is not in the catalogue, such as one that an older version stored, or one of
  the database.
"""


def _example(template: str) -> str:
    pieces = []
    for part in parsed(template):
        shown = "" if part.name is None or part.kind == "hidden" else f"{{{part.name}}}"
        pieces.append(part.literal + (shown if part.around is None else f"[{part.around.replace('{}', shown)}]"))
    return "".join(pieces).replace("|", "\\|").replace("\n", " ")


def _lines() -> Iterator[str]:
    yield HEAD.replace("{other}", OTHER)
    for subject, texts in SUBJECTS.items():
        yield f"## {subject}\n"
        yield "| code | text | parameters |"
        yield "|---|---|---|"
        for code, template in texts.items():
            params = "; ".join(f"`{name}`: {meaning}" for name, meaning in parameters(template).items())
            yield f"| `{code}` | {_example(template).strip()} | {params} |"
        yield ""


def test_the_page_is_that_of_the_catalogue() -> None:
    page = "\n".join(_lines())
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text("utf-8") == page


def test_the_page_names_every_code() -> None:
    page = PAGE.read_text("utf-8")
    assert [code for code in MESSAGES if f"| `{code}` |" not in page] == []
