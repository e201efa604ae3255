"""The examples of the page on chains that look ahead: `simulate` and `preview` print what stands there."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from tests.support.checkout import ROOT

EXAMPLE = re.compile(r"```bash\nmyscheduler (simulate|preview) (.*?)```\n\n```text\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", ["docs/chains.md", "docs/ja/chains.md"])
def test_the_page_on_chains_shows_what_they_print(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    Path("jobs.d").mkdir()
    Path("jobs.d/nightly.yaml").write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0], encoding="utf-8")
    found = EXAMPLE.findall(text)
    assert [command for command, _, _ in found] == ["simulate", "preview"]
    for command, arguments, expected in found:
        result = CliRunner().invoke(main, [command, *shlex.split(arguments)])
        assert (result.exit_code, result.stdout, result.stderr) == (0, expected, "")
