"""`myscheduler schema`: what is printed is the schema, and the way into an editor is as the docs say."""

import json
import re

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from myscheduler.cli import main
from myscheduler.core.access.access_schema import access_schema
from myscheduler.core.manifest.schema import calendars_schema, manifest_schema
from myscheduler.core.manifest.targets_schema import targets_schema
from myscheduler.core.templates.vars_schema import vars_schema
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], manifest_schema(), id="manifest is the default"),
        pytest.param(["manifest"], manifest_schema(), id="manifest"),
        pytest.param(["calendars"], calendars_schema(), id="calendars"),
        pytest.param(["access"], access_schema(), id="access"),
        pytest.param(["targets"], targets_schema(), id="targets"),
        pytest.param(["vars"], vars_schema(), id="vars"),
    ],
)
def test_it_is_printed(arguments: list[str], expected: object) -> None:
    result = CliRunner().invoke(main, ["schema", *arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == expected


def test_another_word_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["schema", "policy"]).exit_code == 2


def test_the_docs_name_the_file_that_they_write() -> None:
    """One page writes the schema, and every way to use it leads to that file."""
    text = (ROOT / "docs/manifests.md").read_text("utf-8")
    written = re.findall(r"^myscheduler schema(?: calendars)? > (\S+)$", text, re.MULTILINE)
    settings = json.loads(re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0])
    first_line = re.search(r"^# yaml-language-server: \$schema=\.\./(\S+)$", text, re.MULTILINE)
    beside = re.search(r"^`\.\./(\S+calendars\S+)`\.$", text, re.MULTILINE)
    assert first_line
    assert beside
    assert {first_line[1], beside[1]} == set(written)
    assert [path.removeprefix("./") for path in settings["yaml.schemas"]] == [first_line[1]]


def test_the_first_line_of_a_manifest_is_a_comment_to_others() -> None:
    text = (ROOT / "docs/manifests.md").read_text("utf-8")
    block = next(one for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "yaml-language-server" in one)
    assert CliRunner().invoke(main, ["validate", "-"], input=block).exit_code == 0


def test_an_editor_marks_a_typo() -> None:
    shown = json.loads(CliRunner().invoke(main, ["schema"]).stdout)
    manifest = {"job_id": "a", "interval": "PT1H", "target_url": "http://x.test", "timeout": 5}
    assert [fault.validator for fault in Draft202012Validator(shown).iter_errors(manifest)] == ["additionalProperties"]
