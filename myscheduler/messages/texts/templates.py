"""What is wrong with templates and with vars.yaml."""

TEMPLATES = {
    "template-not-after": "the job does not run after {job_id}{hint}",
    "template-nothing-handed-on": "{job_id} handed on no {name}",
    "template-after-form": "what another job handed on is written after['JOB'].NAME",
    "template-after-nothing": "only a job with after has something of other jobs",
    "template-after-unknown": "what {job_id} hands on as {name} is known only where the service runs the chain: "
    "trigger the job there",
    "template-empty": "{{{{ }}}} is empty: write a name such as {{{{ scheduled_at }}}}; a literal {{{{ is written "
    "{{{{ '{{{{' }}}}",
    "template-incomplete": "the expression ends too early: write what is missing before the }}}}",
    "template-not-closed": "this {{{{ has no }}}} within {most:d} characters: close it; a literal {{{{ is written "
    "{{{{ '{{{{' }}}}",
    "template-syntax": "{found} does not fit here: an expression is a name or a constant, with filters after |, such "
    "as {{{{ scheduled_at | date('%Y-%m-%d') }}}}; a literal {{{{ is written {{{{ '{{{{' }}}}",
    "template-escape": "{found} is not known: in quotes, a backslash may stand before a quote or a backslash only",
    "template-too-many-filters": "an expression may have at most {most:d} filters",
    "template-name-unknown": "{name} is not a name that templates know{hint:hint}",
    "template-names-are": ": there are {known}",
    "template-no-part": "{name:word} has no {part}: write a filter instead, such as {name:word} | date('%Y')",
    "template-no-such-label": "the job has no label {label}{hint:hint}: add it, or write | default('…')",
    "template-no-slot-before": "no slot is known before this one: write | default('…') for what counts then",
    "template-filter-unknown": "{name} is not a filter{hint:hint}",
    "template-filters-are": ": there are {known}",
    "template-filter-of-time": "{name:word} is a filter of times, and this is none",
    "template-filter-of-text": "{name:word} is a filter of texts: make one of the time before, such as "
    "date('%Y-%m-%d')",
    "template-arguments": "{name:word} takes other arguments: write {example}, for example",
    "template-duration": "{value} is not an ISO 8601 duration such as P1D, P1M or PT12H",
    "template-beyond-calendar": "the time would be outside of the years 1 to 9999",
    "template-unit": "{value} is not one of {known}{hint:hint}",
    "template-format-too-long": "the format has more than {most:d} characters",
    "template-directive": "{value} is not known in a format: write %Y %y %m %d %H %M %S, or another one of the "
    "documentation",
    "template-in-credential": "only a variable may be in auth, as a token is kept for many calls: write "
    "{{{{ vars.NAME }}}}, or the value itself",
    "template-in-host": "only a variable may be in the scheme, host or port of a URL: write {{{{ vars.NAME }}}}, or "
    "spell the host out",
    "template-control-in-header": "yields a line break or another control character, which no header can have",
    "template-too-long": "yields more than {most:,} characters",
    "template-dollar-before-reference": "what comes right before a reference to a secret ends with $: put something "
    "between them",
    "too-many-templates": "holds more than {most:,} expressions in {{{{ }}}}: split it",
    "template-vars-form": "a variable is written vars.NAME, with a name of {file:word}",
    "variable-unknown": "there is no variable {name}{hint:hint}: define it in {file:word} or by {variable:word}, or "
    "write | default('…')",
    "vars-known": " (there are {known})",
    "vars-with-problems": " ({file:word} has problems, see there)",
    "vars-unreadable": "can't be read ({why:reason}), so no variable is known: make it readable",
    "vars-not-a-mapping": "has to be a mapping of names to values, such as base_url: https://api.example.com",
    "too-many-vars": "has more than {most:,} variables",
    "var-name": "{name} is not the name of a variable: write lower-case letters, digits and _, up to 64 of them, with "
    "a letter first",
    "var-type": "has to be text, a number, true or false, but is {found}",
    "var-number-too-large": "is too large for a number: put it into quotes",
    "var-with-reference": "must not contain ${{: write references to secrets in the job itself",
    "var-too-long": "has more than {most:,} characters",
    "vars-of-last-valid": "the variables of the last valid vars.yaml stay in force until the file is fixed",
    "vars-none-valid": "no valid vars.yaml is known, so jobs that use its variables wait until the file is fixed",
    "vars-source-empty": "the source is empty, so the last valid vars.yaml stays in force",
}
"""By code: the template."""

AT_RUN_TIME = {
    code: TEMPLATES[code]
    for code in (
        "template-nothing-handed-on",
        "template-no-slot-before",
        "template-beyond-calendar",
        "template-in-host",
        "template-too-long",
        "template-control-in-header",
    )
}
"""Those that may end an execution, because they depend on what it is made for."""
