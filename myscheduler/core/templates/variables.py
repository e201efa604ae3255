"""The variables of `{{ vars.NAME }}`: those of `vars.yaml`, and those of the environment, which win."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from myscheduler.core.bounds import LONGEST_VARIABLE, MOST_VARIABLES, REFERENCE
from myscheduler.core.findings.problem import Problem, Severity, did_you_mean, enough, shown
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import VARS, SourceFile, UnreadableFile
from myscheduler.core.templates.faults import TemplateError
from myscheduler.errors import SettingError
from myscheduler.messages.message import said

RULE = "invalid-vars"
PREFIX = "MYSCHEDULER_VAR_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

MOST_COMPARED = 200
"""Up to this many variables, an unknown name is compared with their names to suggest one."""
_MOST_LISTED = 10
_NO_ENVIRONMENT: Mapping[str, "Plain"] = {}

Plain = str | int | float


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that jobs may use, and the problems with the file. With an error, the file declares none."""

    declared: Mapping[str, Plain] = field(default_factory=dict, repr=False)
    """What the file declares."""
    environment: Mapping[str, Plain] = field(default_factory=dict, repr=False)
    """The variables of `variables_of`, which win."""
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""
    content: bytes = field(default=b"", repr=False)

    @property
    def known(self) -> Mapping[str, Plain]:
        return {**self.declared, **self.environment}

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self.problems)

    @property
    def meaning(self) -> str:
        """A hash of names and values; empty if there are none."""
        known = sorted((name, repr(value)) for name, value in self.known.items())
        return sha256(repr(known).encode()).hexdigest() if known else ""

    def find(self, path: tuple[str, ...]) -> Plain | None:
        """The value of `vars.NAME`, the parts of which are `path`; `None` for an unknown name."""
        if len(path) != 2:
            raise TemplateError(said("template-vars-form", file=VARS))
        return self.environment.get(path[1], self.declared.get(path[1]))

    def unknown(self, name: str) -> TemplateError:
        """The error for a name that has no value."""
        known = self.known
        hint: str = did_you_mean(name, known) if len(known) <= MOST_COMPARED else ""
        if self.has_errors:
            hint = said("vars-with-problems", file=VARS)
        elif not hint and known:
            hint = said("vars-known", known=", ".join(sorted(known)[:_MOST_LISTED]))
        message = said(
            "variable-unknown", name=shown(name), file=VARS, variable=f"{PREFIX}{name.upper()}"[:80], hint=hint
        )
        return TemplateError(message, rule="unknown-variable")


NO_VARIABLES = Variables()


def read_variables(
    file: SourceFile | UnreadableFile | None, environment: Mapping[str, Plain] = _NO_ENVIRONMENT
) -> Variables:
    """Read `vars.yaml`; never raises for its content. A file with any mistake gives nothing."""
    match file:
        case None:
            return Variables(environment=environment)
        case UnreadableFile(path, reason):
            problem = Problem(path, 1, 1, "", "unreadable", said("vars-unreadable", why=reason))
            return Variables({}, environment, (problem,), "unreadable")
        case SourceFile(path, content, digest):
            found = read_reserved(path, content, rule=RULE, several=said("remove-what-follows"))
            if found is None:
                return Variables({}, environment, (), digest, content)
            if isinstance(found, Problem):
                return Variables({}, environment, (found,), digest, content)
            known = _entries(found)
            problems = tuple(sorted(enough(found.problems)))
            return Variables({} if problems else known, environment, problems, digest, content)


def _entries(file: ReservedDocument) -> dict[str, Plain]:
    entries = file.document.value
    if not isinstance(entries, dict) or "job_id" in entries:
        file.add((), "not-a-mapping", said("vars-not-a-mapping"))
        return {}
    if len(entries) > MOST_VARIABLES:
        file.add((), "too-large", said("too-many-vars", most=MOST_VARIABLES))
        return {}
    for name, value in entries.items():
        if file.is_enough:
            break
        if not _NAME.fullmatch(name):
            file.add((name,), RULE, said("var-name", name=shown(name)), at_key=True)
        elif fault := _fault(value):
            file.add((name,), RULE, fault)
    return entries


def _fault(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return None if abs(value) < 10**15 else said("var-number-too-large")
    if not isinstance(value, str):
        return said("var-type", found=shown(value))
    if REFERENCE in value:
        return said("var-with-reference")
    if len(value) > LONGEST_VARIABLE:
        return said("var-too-long", most=LONGEST_VARIABLE)
    if any("\ud800" <= char <= "\udfff" for char in value):
        return said("half-a-surrogate-pair")
    return None


def variables_of(environment: Mapping[str, str]) -> dict[str, Plain]:
    """The variables in an environment: `MYSCHEDULER_VAR_BASE_URL` is `base_url`; their values are texts.

    Raises `SettingError` for one that can't be used.
    """
    found: dict[str, Plain] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX)
        if name != name.upper() or not _NAME.fullmatch(name.lower()):
            message = (
                f"{variable[:100]} is not the name of a variable: write {PREFIX} and capital letters, digits and _"
            )
            raise SettingError(message)
        if fault := _fault(value):
            message = f"{variable} {fault}"
            raise SettingError(message)
        found[name.lower()] = value
    return found
