"""One reader for the reserved files of a source: the document in the file, and what is wrong with it by its place."""

from dataclasses import dataclass

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Loc, Problem
from myscheduler.core.source.yaml import Document, YamlError, read_documents


@dataclass(frozen=True, slots=True)
class ReservedDocument:
    """The one document of a reserved file, and the problems that are found in it."""

    path: str
    document: Document
    problems: list[Problem]

    @property
    def is_enough(self) -> bool:
        """So many problems are told that no more are looked for."""
        return len(self.problems) > MOST_PROBLEMS

    def add(self, loc: Loc, rule: str, message: str, *, at_key: bool = False) -> None:
        """Note a problem with the value, or the key, that `loc` leads to."""
        line, column = self.document.position(loc, at_key=at_key)
        self.problems.append(Problem(self.path, line, column, field_of(loc), rule, message))


def read_reserved(path: str, content: bytes, *, rule: str, several: str) -> ReservedDocument | Problem | None:
    """The document, with what YAML itself has against it; a problem in place of one; `None` where there is none.

    A second document breaks `rule`, and `several` says what to do about it.
    """
    try:
        documents = list(read_documents(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Problem(path, 1, 1, "", "not-utf8", "is not UTF-8: save the file as UTF-8")
    except YamlError as error:
        return Problem(path, error.line, error.column, "", "yaml-syntax", str(error))
    if not documents:
        return None
    if len(documents) > 1:
        line, column = documents[1].start
        return Problem(path, line, column, "", rule, f"is one document: {several}")
    found = ReservedDocument(path, documents[0], [])
    for one in documents[0].complaints[: MOST_PROBLEMS + 1]:
        found.add(one.loc, one.rule, one.message, at_key=one.at_key)
    return found
