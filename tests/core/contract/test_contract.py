"""Jobs compared with the OpenAPI documents of their targets, valid ones and each way to contradict one."""

from dataclasses import replace
from pathlib import Path

import pytest

from myscheduler.core.contract.checking import contract_problems
from myscheduler.core.findings.problem import Place, Problem
from myscheduler.core.manifest.declared import ContractFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.targets_file import read_targets
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.templates.variables import Variables

DOCUMENTS = Path(__file__).parent / "documents"
BILLING, REPORTS = "specs/billing.yaml", "specs/reports.json"
TARGETS = f"""
billing:
  base_url: "https://{{{{ vars.host }}}}/v1"
  auth: {{bearer: {{token: "${{secret:billing}}"}}}}
  openapi: {BILLING}
open: {{base_url: "https://billing.example.com/v1", openapi: {BILLING}}}
internal: {{base_url: "https://billing.example.com/internal", openapi: {BILLING}}}
beta: {{base_url: "https://us.billing.example.com/v1-beta/", openapi: {BILLING}}}
forgotten: {{base_url: "https://billing.example.com", openapi: {BILLING}}}
reports: {{base_url: "http://reports/any/where", openapi: {REPORTS}}}
free: {{base_url: "https://billing.example.com"}}
"""
VARIABLES = Variables({"host": "billing.staging.example.com", "page": 2})
CLOSE = """
target: billing
path: /close
method: POST
headers: {X-Tenant: eu-1}
"""
REPORT = """
target: reports
path: /reports
method: POST
"""


def document(path: str, content: bytes | None = None) -> ContractFile:
    found = (DOCUMENTS / path.rpartition("/")[2]).read_bytes() if content is None else content
    return ContractFile(SourceFile.of(path, found), Place("targets.yaml", 5, 12))


def problems(job: str, *documents: ContractFile, targets: str = TARGETS) -> list[Problem]:
    shared = read_targets(SourceFile.of("targets.yaml", targets.encode()), variables=VARIABLES)
    assert shared.problems == ()
    file = SourceFile.of("a.yaml", f"job_id: a\ninterval: PT1H\n{job.strip()}\n".encode())
    parsed = parse_file(file, zone="UTC", targets=shared, variables=VARIABLES)
    assert parsed.problems == ()
    return list(contract_problems(parsed.jobs, documents or (document(BILLING), document(REPORTS))))


def told(problem: Problem) -> str:
    """The problem, with what is written in the document at the place that it names."""
    assert problem.related is not None
    line = (DOCUMENTS / problem.related.path.removeprefix("specs/")).read_text("utf-8").splitlines()
    written = line[problem.related.line - 1][problem.related.column - 1 :]
    return f"{replace(problem, related=None)} at {written[:16]}"


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(CLOSE + "body: {month: 2026-08, amount: 10}", id="a body"),
        pytest.param(CLOSE + "body: {month: x, amount: 1.0, note: null}", id="nullable"),
        pytest.param(CLOSE + "query: {dry_run: true}\nbody: {month: x, amount: 1}", id="a boolean in the query"),
        pytest.param(CLOSE + "query: {dry_run: 'false'}\nbody: {month: x, amount: 1}", id="a boolean written as text"),
        pytest.param(
            CLOSE + "body: {month: x, amount: 1, payer: {name: A}, lines: [{text: a, parts: [{text: b}]}]}", id="oneOf"
        ),
        pytest.param(
            CLOSE + "body: {month: \"{{ scheduled_at | date('%Y-%m') }}\", amount: '{{ vars.page }}'}", id="templates"
        ),
        pytest.param(
            CLOSE + "body: {month: '${secret:m}', amount: 1, lines: [{text: t, kind: 'x{{ job.id }}'}]}", id="secrets"
        ),
        pytest.param(CLOSE + "body: {month: x, amount: \"{{ scheduled_at | date('%d') }}\"}", id="one expression"),
        pytest.param(
            "target: billing\npath: /close\nmethod: POST\nheaders: {x-tenant: jp}\nbody: {month: x, amount: 1}",
            id="headers in any case",
        ),
        pytest.param(
            CLOSE.replace("{X-Tenant: eu-1}", "{X-Tenant: eu-1, Content-Type: application/json}")
            + 'text: \'{"month": "x", "amount": 7}\'',
            id="JSON as text",
        ),
        pytest.param(
            "target: billing\npath: /invoices\nquery: {page: 1, state: [open, paid], currency: JPY}", id="list"
        ),
        pytest.param(
            "target: billing\npath: '/invoices?page=3&ids=1,2,3&filter[since]=x&draft=true'", id="query of a URL"
        ),
        pytest.param("target: billing\npath: /invoices\nquery: {page: '{{ scheduled_at | date(\"%d\") }}'}", id="page"),
        pytest.param("target: billing\npath: /invoices\nquery: {page: '{{ vars.page }}'}", id="a variable"),
        pytest.param("target: open\npath: /invoices/latest", id="the concrete path wins"),
        pytest.param("target: billing\npath: /invoices/17", id="a path parameter"),
        pytest.param("target: billing\npath: /invoices/17\nmethod: HEAD", id="HEAD in place of GET"),
        pytest.param("target: billing\npath: /invoices/17\nmethod: DELETE", id="another method"),
        pytest.param("target: billing\npath: '/invoices/{{ job.id }}'\nmethod: DELETE", id="a template in the path"),
        pytest.param("target: billing\npath: '/invoices/{{ job.id }}.pdf'", id="a template in a mixed segment"),
        pytest.param("target: billing\npath: /invoices/2026%2D08.pdf", id="percent-encoded"),
        pytest.param("target: open\npath: /invoices/3?api_key=${secret:k}", id="a key in the query"),
        pytest.param("target: internal\npath: /health", id="a server of its own"),
        pytest.param(
            "target: beta\npath: /invoices/3\nauth: {bearer: {token: '${secret:t}'}}", id="variables of a server"
        ),
        pytest.param("target_url: https://billing.example.com/no/where", id="no target"),
        pytest.param("target: free\npath: /no/where", id="a target without a document"),
        pytest.param(REPORT + "body: {kind: daily, range: [a, b], limit: 20}", id="3.1"),
        pytest.param(REPORT + "body: {kind: daily, range: [a], limit: null, to: [dev, ops]}", id="anyOf with null"),
        pytest.param(REPORT + "body: {kind: daily, range: [], format: xlsx, sheet: s}", id="if and then"),
        pytest.param(REPORT + "body: {kind: daily, range: [], labels: {x-a: 1}}", id="patternProperties"),
        pytest.param(
            REPORT + "headers: {Content-Type: application/vnd.reports+json; v=1}\nbody: {}", id="another content type"
        ),
        pytest.param("target: reports\npath: /reports/2026-08-01\nmethod: PUT", id="a referenced path item"),
    ],
)
def test_calls_that_keep_to_the_document(job: str) -> None:
    assert problems(job) == []


@pytest.mark.parametrize(
    ("job", "found"),
    [
        pytest.param(
            "target: billing\npath: /clos\nmethod: POST",
            "a.yaml:4:7: error: path: the OpenAPI document of the target has no such path: did you mean "
            "'/close'? [contract-path] at /close:",
            id="a mistyped path",
        ),
        pytest.param(
            "target: billing\npath: /zzz",
            "a.yaml:4:7: error: path: the OpenAPI document of the target has no such path [contract-path] at paths:",
            id="another path",
        ),
        pytest.param(
            "target: billing",
            "a.yaml:3:9: error: path: the OpenAPI document of the target has no such path [contract-path] at paths:",
            id="no path",
        ),
        pytest.param(
            "target: forgotten\npath: /close",
            "a.yaml:4:7: error: path: the URL is below no server of the OpenAPI document, whose paths begin "
            "with '/v1' or '/v1-beta' [contract-path] at servers:",
            id="the base URL misses /v1",
        ),
        pytest.param(
            "target: billing\npath: /close",
            "a.yaml:4:7: error: method: the OpenAPI document of the target has no GET for '/close', only "
            "POST [contract-method] at /close:",
            id="no method is GET",
        ),
        pytest.param(
            "target: billing\npath: /invoices/1\nmethod: PATCH",
            "a.yaml:5:9: error: method: the OpenAPI document of the target has no PATCH for "
            "'/invoices/{id}', only GET, DELETE [contract-method] at /invoices/{id}:",
            id="another method",
        ),
        pytest.param(
            "target: billing\npath: /invoices/x17",
            "a.yaml:4:7: error: path: the value of 'id' is not allowed: has the wrong type: it has to be "
            "integer [contract-parameter] at type: integer}}",
            id="a path parameter",
        ),
        pytest.param(
            "target: billing\npath: /invoices",
            "a.yaml:4:7: error: query.page: the query parameter 'page' is required [contract-parameter] at "
            "{name: page, in:",
            id="a parameter is missing",
        ),
        pytest.param(
            "target: billing\npath: /invoices\nquery: {page: 0}",
            "a.yaml:5:15: error: query.page: the value of 'page' is not allowed: has to be at least 1 "
            "[contract-parameter] at minimum: 1}}",
            id="a number",
        ),
        pytest.param(
            "target: billing\npath: /invoices\nquery: {page: two}",
            "a.yaml:5:15: error: query.page: the value of 'page' is not allowed: has the wrong type: it has "
            "to be integer [contract-parameter] at type: integer, m",
            id="no number",
        ),
        pytest.param(
            "target: billing\npath: /invoices?page=1\nquery: {state: [open, old]}",
            "a.yaml:5:16: error: query.state: the value of 'state' is not allowed: has to be one of 'open', "
            "'paid' [contract-parameter] at enum: [open, pai",
            id="an item of a list",
        ),
        pytest.param(
            "target: billing\npath: /invoices?page=1&ids=1,2,3,4",
            "a.yaml:4:7: error: query.ids: the value of 'ids' is not allowed: has to have at most 3 items "
            "[contract-parameter] at maxItems: 3, ite",
            id="a list in one value",
        ),
        pytest.param(
            "target: billing\npath: /invoices?page=1\nquery: {Currency: EUR}",
            "a.yaml:5:19: warning: query.Currency: the OpenAPI document has no query parameter 'Currency' "
            "here: did you mean 'currency'? [contract-undescribed] at get:",
            id="an unknown parameter",
        ),
        pytest.param(
            "target: billing\npath: /close\nmethod: POST\nbody: {month: x, amount: 1}",
            "a.yaml:4:7: error: headers.X-Tenant: the header 'X-Tenant' is required [contract-parameter] at "
            "{name: X-Tenant,",
            id="a header is missing",
        ),
        pytest.param(
            "target: billing\npath: /close\nmethod: POST\nheaders: {X-Tenant: e}\nbody: {month: x, amount: 1}",
            "a.yaml:6:21: error: headers.X-Tenant: the value of 'X-Tenant' is not allowed: has to have at "
            "least 2 characters [contract-parameter] at minLength: 2}}",
            id="a short header",
        ),
        pytest.param(
            CLOSE,
            "a.yaml:4:7: error: body: the operation requires a body [contract-body] at requestBody:",
            id="no body",
        ),
        pytest.param(
            CLOSE + "form: {month: x}",
            "a.yaml:6:10: error: headers.Content-Type: the body is sent as "
            "'application/x-www-form-urlencoded'; the operation takes 'application/json' [contract-body] at "
            "content:",
            id="a form",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: '1'}",
            "a.yaml:7:26: error: body.amount: has the wrong type: it has to be integer [contract-body] at "
            "type: integer, m",
            id="text in place of a number",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: 'x{{ job.id }}'}",
            "a.yaml:7:26: error: body.amount: has the wrong type: it has to be integer [contract-body] at "
            "type: integer, m",
            id="text with a template",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: 0}",
            "a.yaml:7:26: error: body.amount: has to be more than 0 [contract-body] at minimum: 0, excl",
            id="the limit itself",
        ),
        pytest.param(
            CLOSE + "body: {amount: 1}",
            "a.yaml:7:7: error: body: the property 'month' is required [contract-body] at required: [id, m",
            id="a property is missing, and one is read-only",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: 1, mont: y}",
            "a.yaml:7:35: error: body.mont: is not a property that the schema allows: did you mean 'month'? "
            "[contract-body] at additionalProper",
            id="an unknown property",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: 1, lines: [{text: a, parts: [{text: 1}]}]}",
            "a.yaml:7:62: error: body.lines.0.parts.0.text: has the wrong type: it has to be string "
            "[contract-body] at type: string}",
            id="a schema that contains itself",
        ),
        pytest.param(
            CLOSE + "body: {month: x, amount: 1, payer: {company: C, name: N}}",
            'a.yaml:7:36: error: body.payer: matches none of the alternatives [contract-body] at oneOf: [{$ref: "',
            id="oneOf",
        ),
        pytest.param(
            "target: billing\npath: /invoices\nmethod: POST\nform: {a: b}",
            "a.yaml:4:7: warning: path: the OpenAPI document of the target says that this operation is "
            "deprecated [contract-deprecated] at deprecated: true\n"
            "a.yaml:6:7: error: body: the property 'customer' is required [contract-body] at required: "
            "[custo",
            id="deprecated, and a form",
        ),
        pytest.param(
            "target: open\npath: /invoices/3",
            "a.yaml:4:7: warning: auth: the operation requires credentials ('token', 'key'), and the job "
            "sends none: write auth [contract-security] at security:",
            id="no credentials",
        ),
        pytest.param(
            "target: billing\npath: /invoices/3\nmethod: DELETE\ntext: why",
            "a.yaml:6:7: warning: body: the OpenAPI document describes no body for this operation "
            "[contract-undescribed] at delete:",
            id="a body that is not described",
        ),
        pytest.param(
            REPORT + "body: {kind: weekly, range: [a, b, c]}",
            'a.yaml:6:14: error: body.kind: has to be \'daily\' [contract-body] at "const": "daily"\n'
            'a.yaml:6:36: error: body.range.2: nothing is allowed here [contract-body] at "items": false',
            id="3.1: const and prefixItems",
        ),
        pytest.param(
            REPORT + "body: {kind: daily, range: [], limit: 25, sheet: s, secret: 1}",
            "a.yaml:6:7: error: body: the property 'format' is required [contract-body] at \"dependentRequir\n"
            'a.yaml:6:39: error: body.limit: has to be a multiple of 10 [contract-body] at "multipleOf": 10\n'
            'a.yaml:6:7: error: body: is what the schema excludes [contract-body] at "not": {',
            id="3.1: anyOf, dependentRequired and not",
        ),
    ],
)
def test_calls_that_contradict_the_document(job: str, found: str) -> None:
    assert "\n".join(map(told, problems(job))) == found
