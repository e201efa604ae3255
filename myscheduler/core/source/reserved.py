"""Reads the reserved files of a source (`policy.yaml`, `calendars.yaml`): their one document, and problems in it."""

from dataclasses import dataclass

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Loc, Problem
from myscheduler.core.source.yaml import Document, YamlError, read_documents
from myscheduler.messages.message import said


@dataclass(frozen=True, slots=True)
class ReservedDocument:
    """The one document of a reserved file, and the problems found in it so far."""

    path: str
    document: Document
    problems: list[Problem]

    @property
    def is_enough(self) -> bool:
        """Whether so many problems were found that the search can stop."""
        return len(self.problems) > MOST_PROBLEMS

    def add(self, loc: Loc, rule: str, message: str, *, at_key: bool = False) -> None:
        """Add a problem with the value that `loc` leads to, or with its key."""
        line, column = self.document.position(loc, at_key=at_key)
        self.problems.append(Problem(self.path, line, column, field_of(loc), rule, message))


def read_reserved(path: str, content: bytes, *, rule: str, several: str) -> ReservedDocument | Problem | None:
    """Read the document of a file, with the problems that its YAML has.

    Returns a `Problem` if the file can't be read as one document, and `None` if it is empty. A second document breaks
    `rule`, and `several` says what to do about it.
    """
    try:
        documents = list(read_documents(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Problem(path, 1, 1, "", "not-utf8", said("not-utf8"))
    except YamlError as error:
        return Problem(path, error.line, error.column, "", "yaml-syntax", str(error))
    if not documents:
        return None
    if len(documents) > 1:
        line, column = documents[1].start
        return Problem(path, line, column, "", rule, said("several-documents", advice=several))
    found = ReservedDocument(path, documents[0], [])
    for one in documents[0].complaints[: MOST_PROBLEMS + 1]:
        found.add(one.loc, one.rule, one.message, at_key=one.at_key)
    return found
