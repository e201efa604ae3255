"""Checks the shapes of the fields of a job, and turns the errors of pydantic into complaints in our words."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.masking import is_credential_name, key_shown
from myscheduler.core.findings.problem import Complaint, Loc, cut, did_you_mean, shown
from myscheduler.core.job.sent import SENT
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.source.yaml_suspects import BOM, odd_sign, odd_space
from myscheduler.messages.message import said


def read_fields(values: Mapping[str, Any]) -> tuple[JobFields, list[Complaint]]:
    """The fields of the right shape, and complaints about the others, so that rules can still check the rest."""
    try:
        return JobFields.model_validate(values), []
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _is_other_shape(detail)]
    complaints = [complaint_of(detail, JobFields) for detail in details[:MOST_PROBLEMS]]
    complaints += [Complaint(_loc(detail), "invalid-value", detail["msg"]) for detail in details[MOST_PROBLEMS:]]
    wrong = {_judged_together(complaint.loc) for complaint in complaints}
    is_whole = () not in wrong  # else a key is not text, and nothing else can be checked
    rest = {name: value for name, value in values.items() if is_whole and (name,) not in wrong}
    if isinstance(headers := rest.get("headers"), Mapping):
        faulty = {loc[1] for loc in wrong if loc[0] == "headers"}
        is_known = faulty <= headers.keys()  # pydantic changes a name with half a surrogate pair
        rest["headers"] = {name: value for name, value in headers.items() if is_known and name not in faulty}
    if ("target_url",) in wrong:
        rest["target_url"] = _SOME_URL
    return JobFields.model_validate(rest), complaints


def _judged_together(loc: Loc) -> Loc:
    """What is left out of further checks if the value at `loc` has the wrong shape: the field, or one header."""
    return loc[: 2 if loc[:1] == ("headers",) else 1]


_SOME_URL = "http://localhost"
"""Replaces a URL of the wrong shape, which has its own complaint."""


def complaint_of(detail: ErrorDetails, model: type[BaseModel], *, further: Sequence[str] = ()) -> Complaint:
    """The complaint for an error of pydantic, with what to write instead. `further` are more keys that are known."""
    loc = _loc(detail)
    match detail["type"]:
        case "extra_forbidden":
            known = [*_keys_around(loc, model), *(further if len(loc) == 1 else ())]
            return Complaint(loc, "unknown-key", _unknown(str(loc[-1]), known), at_key=True)
        case "missing":
            return Complaint(loc, "missing-field", said("is-missing"))
        case "string_type" if loc[-1] in {"interval", "duration"}:
            advice = said("interval-forms")
            return Complaint(loc, "invalid-type", said("cannot-be", found=_found(loc, detail["input"]), advice=advice))
        case "string_type":
            return Complaint(loc, "invalid-type", _no_text(loc, detail["input"]))
        case "dict_type" | "model_type" | "list_type":
            what = said("a-list") if detail["type"] == "list_type" else said("an-object")
            return Complaint(loc, "invalid-type", said("has-to-be", what=what, found=_found(loc, detail["input"])))
        case "bool_type":
            return Complaint(loc, "invalid-type", said("has-to-be-boolean", found=_found(loc, detail["input"])))
        case "int_type" | "float_type" | "int_from_float":
            what = said("a-whole-number") if detail["type"].startswith("int") else said("a-number")
            written = f"{detail['input']:g}" if isinstance(detail["input"], float) else _found(loc, detail["input"])
            return Complaint(loc, "invalid-type", said("has-to-be-number", what=what, found=written))
        case "literal_error":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            close = did_you_mean(_text(detail["input"]), re.findall(r"'(\w+)'", expected))
            return Complaint(
                loc, "invalid-value", said("not-one-of", value=shown(detail["input"]), expected=expected, hint=close)
            )
        case "too_long" | "too_short":
            return _of_wrong_length(loc, detail)
        case _:
            return Complaint(loc, "invalid-value", _out_of_range(detail), at_key="[key]" in detail["loc"])


def _of_wrong_length(loc: Loc, detail: ErrorDetails) -> Complaint:
    if detail["type"] == "too_short":
        return Complaint(loc, "invalid-value", said("list-empty"))
    return Complaint(loc, "too-large", said("list-too-long", most=detail["ctx"]["max_length"]))


LONGEST_LIST = 300
"""Characters of the list of known keys in a message."""
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of")


def _out_of_range(detail: ErrorDetails) -> str:
    if detail["type"] == "finite_number":
        return said("not-finite")
    message = detail["msg"].replace("Input should", "should").replace("String should", "should")
    context = detail.get("ctx", {})
    limit = next((context[name] for name in _LIMITS if name in context), None)
    return said("out-of-bounds", message=message, found=_shown(detail["input"]), rule=detail["type"], limit=limit)


def _text(value: Any) -> str:
    """The value if it is text, else an empty text: comparing others may take long."""
    return value if isinstance(value, str) else ""


def _no_text(loc: Loc, value: Any) -> str:
    if _is_expression(loc):
        return said("cron-forms", found=_found(loc, value))
    advice = said("put-into-quotes") if isinstance(value, bool | int | float) else ""
    if value is None:
        advice = _spaced(str(loc[-1]))
    return said("has-to-be-text", found=_found(loc, value), advice=advice)


def _is_expression(loc: Loc) -> bool:
    """Whether the location is that of a whole cron expression (also in a list or a blackout), not of a field of one."""
    return loc == ("cron",) or (loc[0] == "cron" and isinstance(loc[-1], int)) or loc[::2] == ("blackout", "cron")


_OF_TWO_SHAPES = frozenset({"cron", "interval", "duration"})
"""Fields that are text or an object. (Each header is text or a list.)"""


def _is_other_shape(detail: ErrorDetails) -> bool:
    """Whether the error is about a shape that was not meant: pydantic reports errors for each shape of a field."""
    loc, may_be_list = detail["loc"], detail["loc"][:1] == ("cron",)
    shape = _shape_at(loc)
    if shape and loc[shape : shape + 1] in {("str",), ("constrained-str",)}:
        if loc[0] == "headers":
            return isinstance(detail["input"], list)
        return isinstance(detail["input"], (dict, list) if may_be_list else dict)
    if may_be_list and len(loc) > 3 and loc[3] == "str":  # an item of a list
        return isinstance(detail["input"], dict)
    return bool(shape) and detail["type"] in {"dict_type", "model_type", "list_type"}


_GENERIC = ("dict[", "list[", "constrained-str", "function-")
"""Prefixes of pydantic's names for other branches of a union."""


def _shape_at(loc: Loc) -> int:
    """The index in `loc`, after the name of such a field, at which pydantic names the shape; 0 if there is none."""
    if loc[:1] in {("cron",), ("interval",)}:
        return 1
    if loc[:1] == ("headers",) and len(loc) > 2 and loc[2] != "[key]":
        return 2
    return 3 if loc[:1] == ("blackout",) and len(loc) > 2 and loc[2] in _OF_TWO_SHAPES else 0


def _loc(detail: ErrorDetails) -> Loc:
    """The location without what pydantic adds: union branches after fields of two shapes, and its mark for a key."""
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    if loc[:1] == ("cron",):
        return loc[::2]  # a branch comes after the name, after the number of an item, and after a field
    shape = _shape_at(loc)
    if shape and len(loc) > shape:
        branches = {"str", "int", "IntervalFields", "LengthFields"}
        after = (part for part in loc[shape : shape + 2] if part not in branches and not str(part).startswith(_GENERIC))
        return (*loc[:shape], *after)
    return loc


def _keys_around(loc: Loc, model: type[BaseModel]) -> list[str]:
    """The known keys of the object in which an unknown one was written."""
    for part in loc[:-1]:
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        model = _model_in(fields.get(str(part))) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in the type of a field: itself, or within a union or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _unknown(name: str, known: list[str]) -> str:
    if (odd := odd_space(name)) is not None:
        return said("odd-space-in-key", odd=odd, key=key_shown(name.strip()))
    if sign := odd_sign(name):
        advice = said("remove-it") if BOM in name else said("write-plain-character")
        return said("sign-in-key", sign=sign, key=key_shown(name.lstrip(BOM)), advice=advice)
    meant = did_you_mean(key_shown(name), known) or said("keys-are", known=cut(", ".join(known), LONGEST_LIST))
    return said("unknown-key", name=key_shown(name), advice=meant, spaced=_spaced(name))


def _spaced(key: str) -> str:
    """Further advice if a key seems to contain its value, as in `a:b`; else empty."""
    if "\uff1a" in key:
        return said("plain-colon-after")
    return said("space-after-colon") if ":" in key else ""


_MAY_BE_SECRET = frozenset({*SENT, "tls", "proxy"})


def _found(loc: Loc, value: Any) -> str:
    """What was written: its kind, and its value unless that may be a credential."""
    is_secret = bool(loc) and (loc[0] in _MAY_BE_SECRET or any(is_credential_name(str(part)) for part in loc))
    match value:
        case None:
            return said("nothing")
        case list():
            return said("a-list")
        case dict():
            return said("an-object")
        case bool():
            return said("true-or-false") if is_secret else str(value).lower()
        case str():
            return said("some-text") if is_secret else said("the-text", value=shown(value))
        case _:
            return said("a-number") if is_secret else _number(value)


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value) if abs(value) < 10**15 else said("a-huge-number")


def _shown(value: Any) -> str:
    match value:
        case str():
            return said("this-one-has", count=len(value))
        case bool() | None:
            return ""
        case int() | float() if isinstance(value, int) or math.isfinite(value):
            return said("not-number", number=_number(value))
        case _:
            return ""
