"""The advice for the rules about YAML itself."""

from collections.abc import Mapping

from myscheduler.core.findings.advice import Advice

YAML_ADVICE: Mapping[str, Advice] = {
    "yaml-bomb": Advice(
        "A few lines of nested aliases can expand to more than fits into memory.",
        "Write the values out, or nest fewer aliases.",
    ),
    "yaml-key": Advice(
        "Fields, headers and labels have names, and a list or a mapping is not a name.",
        "Write text before the colon.",
        "labels: {[team]: billing}",
        "labels: {team: billing}",
    ),
    "yaml-merge": Advice(
        "Only the fields of mappings can be merged into a job.",
        "Write a mapping, an alias of a mapping, or a list of them.",
        '<<: "team"',
        "<<: {labels: {team: billing}}",
    ),
    "yaml-surprise": Advice(
        "YAML 1.1 and 1.2 read it differently: NO is false or a word, 0123 is 83 or 123, 1:30 is 90 or text.",
        "Put it into quotes if it is text, or write a plain decimal number.",
        "labels: {country: NO}",
        'labels: {country: "NO"}',
    ),
    "yaml-syntax": Advice(
        "Nothing in the file can be used, so its jobs stay as they were.",
        "Fix the text at the reported location, or shortly before it: often a colon, a quote or the indentation.",
        'name: "daily report',
        'name: "daily report"',
    ),
    "yaml-tag": Advice(
        "Tags ask a parser to create something other than plain data, and parsers differ in what they create.",
        "Write plain values.",
        "name: !!python/name:os.system x",
        "name: x",
    ),
}
