"""The docs say what is true: their manifests are valid, their tables match the code, their links lead somewhere."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from myscheduler import settings
from myscheduler.cli import main
from myscheduler.core.access.access_file import read_access
from myscheduler.core.access.operations import OPERATIONS, Target
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import read_token
from myscheduler.core.findings.rules import RULES
from myscheduler.core.history.execution import Status
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.notifications.notifications_file import FORMS, read_notifications
from myscheduler.core.notifications.overrides import KEYS
from myscheduler.core.policy.file import READERS
from myscheduler.core.reason import Reason
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.settings import Settings
from tests.support.checkout import ROOT
from tests.support.commands import every_command
from tests.support.documented import COMMAND, blocks, understood
from tests.support.page import slug
from tests.support.patience import PATIENCE
from tests.support.service import Service
from tests.support.target import Target as Site

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("helm/*/*.md")])
CORE = ROOT / "myscheduler/core"
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def between(mark: str) -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    marked = re.search(rf"<!-- {mark} -->\n```bash\n(.*?)```\n<!-- /{mark} -->", text, re.DOTALL)
    assert marked
    return marked[1]


def table(page: str) -> dict[str, str]:
    """First and second cell of each row of the tables of a page."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return dict(rows)


SNIPPET = re.compile(r"^<!-- file: (\S+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""YAML that is no manifest: the files of a source beside them, and what configures CI services."""
POLICY = re.compile(r"^<!-- file: policy\.yaml -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTIFICATIONS = re.compile(r"^<!-- file: notifications\.yaml -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARGETS = re.compile(r"^<!-- file: targets\.yaml -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARS = re.compile(r"^<!-- file: vars\.yaml -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTRACT = re.compile(r"^<!-- file: (specs/\S+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALENDARS = re.compile(r"^<!-- file: calendars\.yaml -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_manifests_in_the_docs_are_valid(page: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    calendars = CALENDARS.findall(page.read_text("utf-8"))
    policies = POLICY.findall(page.read_text("utf-8"))
    (tmp_path / "policy.yaml").write_text("".join(policies) or "{}", encoding="utf-8")
    for whom in NOTIFICATIONS.findall(page.read_text("utf-8")):
        (tmp_path / "notifications.yaml").write_text(whom, encoding="utf-8")
    for variables in VARS.findall(page.read_text("utf-8")):
        (tmp_path / "vars.yaml").write_text(variables, encoding="utf-8")
    for targets in TARGETS.findall(page.read_text("utf-8")):
        (tmp_path / "targets.yaml").write_text(targets, encoding="utf-8")
    for name, contract in CONTRACT.findall(page.read_text("utf-8")):
        (tmp_path / "specs").mkdir(exist_ok=True)
        (tmp_path / name).write_text(contract, encoding="utf-8")
    others = {block for _, block in SNIPPET.findall(page.read_text("utf-8"))}
    for block in blocks(page, "yaml"):
        if block not in others:
            (tmp_path / "calendars.yaml").write_text("".join(calendars), encoding="utf-8")
            (tmp_path / "job.yaml").write_text(block, encoding="utf-8")
            result = runner.invoke(main, ["validate", "--strict", "job.yaml"])
            assert result.exit_code == 0, f"{result.output}\n{block}"


@pytest.mark.parametrize("name", ["docs/targets.md", "docs/ja/targets.md"])
def test_the_contract_on_the_targets_page_is_judged_as_it_says(name: str, tmp_path: Path) -> None:
    """`GOLDEN=write` writes what the command prints into the page: read the difference before it goes in."""
    page = ROOT / name
    text = page.read_text("utf-8")
    (tmp_path / "jobs.d/specs").mkdir(parents=True)
    for path, content in SNIPPET.findall(text):
        (tmp_path / "jobs.d" / path).write_text(content, encoding="utf-8")
    ((command, printed),) = re.findall(
        r"^```console\n\$ myscheduler ([^\n]+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    result = CliRunner().invoke(main, shlex.split(command))
    if os.environ.get("GOLDEN") == "write":
        page.write_text(text.replace(printed, result.stdout), encoding="utf-8")
    assert (result.exit_code, result.stdout) == (1, printed)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_access_rules_in_the_docs_are_valid(page: Path) -> None:
    for name, block in SNIPPET.findall(page.read_text("utf-8")):
        if name == "access.yaml":
            assert read_access(SourceFile.of(name, block.encode())).problems == (), block


@pytest.mark.parametrize("name", ["docs/notifications.md", "docs/ja/notifications.md"])
def test_the_notifications_page_has_every_kind_and_field(name: str) -> None:
    (example,) = NOTIFICATIONS.findall((ROOT / name).read_text("utf-8"))
    assert read_notifications(SourceFile.of("notifications.yaml", example.encode())).problems == ()
    rows = table(name)
    assert [kind for kind in FORMS if f"`{kind}`" not in rows] == []
    fields = {kind: set(re.findall(r"`([a-z_]+)`", rows[f"`{kind}`"])) for kind in FORMS}
    assert {kind: form.parsers.keys() - fields[kind] for kind, form in FORMS.items()} == {kind: set() for kind in FORMS}
    documented = {field.strip("`") for cell in rows for field in cell.split(", ")}
    assert set(KEYS) - {"channels"} <= documented


def test_snippets_for_ci_are_yaml_with_commands_that_are_understood() -> None:
    Path("jobs.d").mkdir()
    found = []
    for name, block in SNIPPET.findall((ROOT / "docs/validate.md").read_text("utf-8")):
        assert isinstance(yaml.safe_load(block), dict), name
        for command in COMMAND.findall(block):
            understood(command)
            found.append(command.split()[:1])
    assert found == [["validate"]] * 3


def test_commands_of_the_validate_page_are_understood() -> None:
    Path("jobs.d").mkdir()
    (page,) = [page for page in PAGES if page.name == "validate.md"]
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    assert len([understood(command) for line in lines for command in COMMAND.findall(line)]) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("monitoring", {"create", "list", "show", "status", "test", "why"}),
        ("notifications", {"plan", "preview", "schema", "test", "validate"}),
        ("incidents", {"ack", "list", "show"}),
        ("tracing", {"serve"}),
        ("scale", {"backup", "copy", "serve", "upgrade"}),
    ],
)
def test_commands_of_the_pages_about_watching_are_understood(name: str, told: set[str]) -> None:
    Path("jobs.d").mkdir()
    page = ROOT / f"docs/{name}.md"
    shown = [*blocks(page, "bash"), *blocks(page, "console")]
    lines = [*"".join(shown).splitlines(), *re.findall(r"`(myscheduler [^`]+)`", page.read_text("utf-8"))]
    found = [understood(command).info_name for line in lines for command in COMMAND.findall(line)]
    assert set(found) == told


@pytest.mark.parametrize("name", ["docs/operating.md", "docs/ja/operating.md"])
def test_commands_of_the_operating_page_are_understood(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    commands = [line for block in blocks(ROOT / name, "bash") for line in block.splitlines()]
    commands += re.findall(r"`(myscheduler db [^`]+)`", text) + re.findall(r"^15 3 .*", text, re.MULTILINE)
    named = [line.replace("$(date +\\%F)", "DAY") for line in commands]
    found = [understood(command) for line in named for command in COMMAND.findall(line)]
    assert {one.info_name for one in found} >= {"sync", "serve", "backup", "check", "upgrade"}


@pytest.mark.parametrize("page", ["docs/command-line.md", "docs/ja/command-line.md"])
def test_the_command_line_page_names_its_variables(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for name in (settings.BASE_URL, settings.PROFILE, settings.API_TOKEN):
        assert f"`{name}`" in text
    assert Settings().base_url in text


@pytest.mark.parametrize(
    "command",
    ["validate --strickt", "validate nowhere", "validat", "validate --format xml", "db restore", "db check --fix"],
)
def test_commands_that_are_not_understood_are_noticed(command: str) -> None:
    with pytest.raises(click.UsageError):
        understood(command)


def test_the_hook_for_pre_commit_is_understood() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    written = (ROOT / "docs/validate.md").read_text("utf-8")
    (used,) = [yaml.safe_load(block) for name, block in SNIPPET.findall(written) if name == ".pre-commit-config.yaml"]
    (configured,) = used["repos"][0]["hooks"]
    Path("jobs.d").mkdir()
    Path("deploy/jobs").mkdir(parents=True)
    for arguments in (hook["args"], configured["args"]):
        assert understood(shlex.join([*shlex.split(hook["entry"])[1:], *arguments])).info_name == "validate"
    assert hook["id"] == configured["id"]
    assert "--staged" in hook["entry"]
    assert hook["pass_filenames"] is False  # an id may stand in two files
    assert hook["always_run"] is True  # hooks that look for files are left out where a commit only deletes some
    assert not {"files", "types", "types_or"} & {*hook, *configured}


def test_every_rule_is_documented() -> None:
    rules = (ROOT / "docs/validate.md").read_text("utf-8").partition("## Rules")[2]
    told = dict(re.findall(r"^\| `(.+)` \| (.+) \|$", rules, re.MULTILINE))
    assert told == RULES
    errors, warnings = (re.findall(r"^\| `(.+)` \|", part, re.MULTILINE) for part in rules.split("Warnings hold", 1))
    assert (errors, warnings) == (sorted(errors), sorted(warnings))
    assert set(warnings) == rules_of_warnings()


def rules_of_warnings() -> set[str]:
    """The rules of the modules that only warn, and of calls that say so."""
    texts = [
        (CORE / name).read_text("utf-8") for name in ("manifest/lint.py", "manifest/look_alikes.py", "manifest/past.py")
    ]
    lint = {word for text in texts for word in re.findall(r'"([a-z-]+)"', text)} & RULES.keys()
    calls = (
        call
        for path in CORE.rglob("*.py")
        for call in re.findall(r"(?:Complaint|Problem|Finding)\(.*", path.read_text("utf-8"))
    )
    warned = {rule for call in calls if "Severity.WARNING" in call for rule in re.findall(r'"([a-z-]+)"', call)}
    return lint | (warned & RULES.keys())


EXAMPLE = re.compile(r"^```yaml\n(?P<yaml>.*?)^```$|^```console\n(?P<console>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["docs/schedules.md", "docs/ja/schedules.md"])
def test_the_examples_of_the_schedules_page_do_what_stands_below_them(name: str, tmp_path: Path) -> None:
    """`GOLDEN=write` writes what the commands print into the page: read the difference before it goes in."""
    page = ROOT / name
    text = page.read_text("utf-8")
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    (folder / "calendars.yaml").write_text("".join(CALENDARS.findall(text)), encoding="utf-8")
    shown = 0

    def run(example: re.Match[str]) -> str:
        nonlocal shown
        if example["yaml"] is not None:
            (folder / "jobs.yaml").write_text(example["yaml"], encoding="utf-8")
            return example[0]
        commands = [line for line in example["console"].splitlines() if line.startswith("$ myscheduler ")]
        shown += len(commands)
        return "```console\n" + "".join(map(_printed, commands)) + "```"

    told = EXAMPLE.sub(run, text)
    if os.environ.get("GOLDEN") == "write":
        page.write_text(told, encoding="utf-8")
    assert shown > 15
    assert told == page.read_text("utf-8")


def _printed(command: str) -> str:
    """A command with what it prints, as it stands in the page."""
    result = CliRunner().invoke(main, shlex.split(command)[2:], prog_name="myscheduler")
    assert (result.exit_code, result.stderr) == (0, ""), f"{command}\n{result.output}"
    return f"{command}\n{result.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_to_headings_lead_to_one(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
        if "://" not in target and (not target or target.endswith(".md")):
            text = (page.parent / target if target else page).read_text("utf-8")
            assert heading in {slug(one) for one in HEADING.findall(text)}, f"{target}#{heading}"


def test_every_field_of_a_manifest_is_documented() -> None:
    cells = [cell for cell in table("docs/manifests.md") if cell.startswith("`") and "{" not in cell]
    documented = {name.strip("`") for cell in cells for name in cell.split(", ")}

    assert documented == set(JobFields.model_fields)


def test_every_rule_of_a_policy_is_documented() -> None:
    documented = [cell.strip("`") for cell in table("docs/policy.md") if cell.startswith("`")]

    assert set(READERS) <= set(documented)
    assert all(f"{name}:" in POLICY.findall((ROOT / "docs/policy.md").read_text("utf-8"))[0] for name in READERS)


def test_documented_defaults_are_the_real_ones() -> None:
    defaults = {cell.strip("`"): value.strip("`") for cell, value in table("docs/manifests.md").items()}
    spec = JobSpec.__dataclass_fields__
    numbers = ("timeout_sec", "max_retries", "retry_backoff_sec", "misfire_grace_time", "max_instances")

    assert {name: float(defaults[name]) for name in numbers} == {name: spec[name].default for name in numbers}
    assert defaults["coalesce"] == str(spec["coalesce"].default).lower()
    assert defaults["method"] == spec["method"].default


def test_every_setting_is_documented_with_its_default() -> None:
    chosen = Settings()
    documented = table("README.md")

    assert documented[f"`{settings.DATABASE_URL}`"] == f"`{chosen.database_url}`"
    assert documented[f"`{settings.TZ}`"] == f"`{chosen.zone}`"
    assert documented[f"`{settings.LOG_LEVEL}`"] == f"`{chosen.log_level}`"
    assert documented[f"`{settings.JOBS_DIR}`"] == f"`{chosen.jobs_dir}`"
    assert documented[f"`{settings.SECRETS_DIR}`"] == f"`{chosen.secrets_dir}`"
    assert documented[f"`{settings.HOST}`, `{settings.PORT}`"] == f"`{chosen.host}`, `{chosen.port}`"
    history = f"`{chosen.history_days}`, `{chosen.history_rows}`"
    assert documented[f"`{settings.HISTORY_DAYS}`, `{settings.HISTORY_ROWS}`"] == history
    assert documented[f"`{settings.CONNECTION_MAX_AGE}`"] == f"`{chosen.connection_max_age}`"
    assert documented[f"`{settings.API_TOKEN}`"] == "none"
    assert documented[f"`{settings.LOG_FORMAT}`"] == f"`{chosen.log_format}`"
    assert documented[f"`{settings.ACCESS_LOG}`"] == f"`{str(chosen.is_access_logged).lower()}`"
    assert documented[f"`{settings.HEARTBEAT_URL}`"] == "none"
    assert documented[f"`{settings.HEARTBEAT_INTERVAL}`"] == f"`{chosen.heartbeat_interval}`"
    assert (documented[f"`{settings.ALLOWED_HOSTS}`"], chosen.allowed_hosts) == ("none", "")
    assert documented[f"`{settings.API_TOKEN_ROLE}`"] == f"`{chosen.api_token_role}`"
    assert documented[f"`{settings.RATE_LIMIT}`"] == f"`{chosen.rate_limit}`"
    assert documented[f"`{settings.MAX_API_JOBS}`"] == f"`{chosen.max_api_jobs}`"
    assert documented[f"`{settings.API_PRIVATE_TARGETS}`"] == f"`{chosen.api_private_targets}`"
    assert documented[f"`{settings.INSECURE}`"] == f"`{str(chosen.is_insecure).lower()}`"
    none = (settings.SESSION_SECRET, settings.ALLOWED_CLIENTS, settings.TRUSTED_PROXIES)
    assert (chosen.metrics_port, chosen.metrics_labels) == (None, "")
    for name in (*none, settings.METRICS_PORT, settings.METRICS_LABELS):
        assert documented[f"`{name}`"] == "none"


def test_the_settings_of_the_dashboard_are_documented() -> None:
    documented, page = table("README.md"), (ROOT / "docs/dashboard.md").read_text("utf-8")
    assert documented[f"`{settings.NAME}`"] == f"`{Settings().name}`"
    for name in (settings.COLOR, settings.ROOT_PATH):
        assert documented[f"`{name}`"] == "none"
    assert all(name in page for name in (settings.NAME, settings.COLOR, settings.ROOT_PATH))


@pytest.mark.parametrize("page", ["README.md", "README.ja.md", "docs/ja/operating.md"])
def test_every_variable_is_in_the_table_of_settings(page: str) -> None:
    variables = {value for name, value in vars(settings).items() if name.isupper() and isinstance(value, str)}
    told = set(re.findall(r"`([A-Z_]+)`", "".join(table(page))))
    assert variables - told == {settings.BASE_URL, settings.PROFILE}  # of client commands


@pytest.mark.parametrize("word", [*Status, *Reason], ids=str)
def test_every_word_of_the_history_is_documented(word: str) -> None:
    assert f"`{word}`" in (ROOT / "docs/rest-api.md").read_text("utf-8")


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")

    assert [name for name in every_command() if f"myscheduler {name}" not in text] == []


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")

    assert [page.name for page in (ROOT / "docs/decisions").glob("0*.md") if page.name not in listed] == []


def test_the_japanese_readme_starts_the_service_the_same_way() -> None:
    assert between("run-command") in (ROOT / "README.ja.md").read_text("utf-8")


def test_the_sample_jobs_are_of_each_kind_and_valid() -> None:
    result = CliRunner().invoke(main, ["validate", "--strict", str(ROOT / "jobs.d")])
    text = (ROOT / "jobs.d/examples.yaml").read_text("utf-8")

    assert (result.exit_code, result.output) == (0, "3 jobs, no problems\n")
    assert all(f"\n{kind}: " in text for kind in ("cron", "interval", "run_at"))
    assert "http://127.0.0.1:8003/health" in text


def test_the_curl_sequence_of_the_readme_works(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service, Site() as site:
        script = between("curl-sequence").replace("http://127.0.0.1:8003", service.url)
        script = script.replace("https://example.com/", site.url())
        done = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path
        )

    assert done.returncode == 0, done.stderr
    for word in ("scheduled", "triggered", "テストジョブ", "paused", "resumed", "deleted", '"kind":"manual"'):
        assert word in done.stdout


def test_the_commands_of_the_readme_install_with_hashes_and_name_no_registry() -> None:
    for mark, deps in (("run-command", True), ("test-command", True), ("deploy-test-command", False)):
        command = shlex.split(between(mark))
        assert ("--no-deps" in command) == deps
        assert "-r" in command
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-deploy.txt"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text
        assert len(re.findall(r"^[a-z].*==", text, re.MULTILINE)) == len(re.findall(r"==.*\\\n +--hash=", text))


INSTALLER = re.compile(r"\b(?:pip3?|pipx|uvx?|poetry|pdm|conda)\b[^\n|&;]*|(?<!-)\binstall [\"'`]?myscheduler\b[^\n]*")
OURS = re.compile(r"(?<![\w/.@-])myscheduler(?:\[[\w, ]+\])?(?! ?@ ?git\+)(?![\w/\[-])")
"""Our name as an index would get it: neither in a path nor in a URL, nor with one behind it."""


def installs_by_name(text: str) -> list[str]:
    """The commands that get our package from whoever owns its name."""
    commands = [line for line in INSTALLER.findall(text.replace("\\\n", " ")) if "helm" not in line]
    return [line for line in commands if OURS.search(re.sub(r"\b-m myscheduler|bin/myscheduler.*", "", line))]


def test_nothing_installs_our_name_from_an_index() -> None:
    """It belongs to nobody there, so whoever takes it would run beside the tokens of our users."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {name: (ROOT / name).read_text("utf-8", "replace") for name in listed if name != "tests/test_docs.py"}
    found = {name: commands for name, text in texts.items() if (commands := installs_by_name(text))}
    assert found == {}


@pytest.mark.parametrize(
    ("line", "is_by_name"),
    [
        ("pip install myscheduler", True),
        ("- run: pip install --quiet myscheduler==0.1.0", True),
        ('pip3 install "myscheduler[postgresql]>=0.1"', True),
        ("pip install -q \\\n  myscheduler", True),
        ("pipx run myscheduler validate", True),
        ("uvx myscheduler plan", True),
        ("uv tool install myscheduler", True),
        ("a driver is missing: install myscheduler[postgresql]", True),
        ('pip install "$MYSCHEDULER"', False),
        ("pip install git+https://git.example.com/myscheduler@v0.1.0", False),
        ('pip install "myscheduler[postgresql] @ git+https://git.example.com/myscheduler@v0.1.0"', False),
        ("pip install -e . && .venv/bin/myscheduler serve", False),
        ("helm upgrade --install myscheduler helm/myscheduler", False),
    ],
)
def test_installs_by_name_are_noticed(line: str, is_by_name: bool) -> None:
    assert bool(installs_by_name(line)) == is_by_name


OPERATIONS_TABLE = re.compile(r"(?<=<!-- operations -->\n).*?(?=<!-- /operations -->)", re.DOTALL)
WHERE = {
    Target.NOTHING: "for any jobs",
    Target.JOB: "for the job",
    Target.EXECUTION: "for the job of the execution",
    Target.INCIDENT: "for the job of the incident, or for all if it has none",
    Target.CHAIN: "for each job of the chain",
    Target.BODY: "for the job in the body, and the one that it replaces",
    Target.SELECTION: "for each job that is selected; others are refused one by one",
    Target.EVERYTHING: "for all jobs",
}
ALSO = {
    "get_specs": "reads literal credentials",
    "get_source_lines": "reads literal credentials",
    "replace_job": "also as the body declares it",
    "approve_deletion": "`POST /sync` with `approve`",
}


IN_JAPANESE = {
    "operation": "操作",
    "yes": "○",
    "the role is needed": "ロールが必要な対象",
    "for any jobs": "どのジョブに対してでも",
    "for the job": "そのジョブ",
    "for the job of the execution": "実行のジョブ",
    "for the job of the incident, or for all if it has none": "インシデントのジョブ。なければ、すべてのジョブ",
    "for each job of the chain": "チェーンの各ジョブ",
    "for the job in the body, and the one that it replaces": "本文のジョブと、それが置き換えるジョブ",
    "for each job that is selected; others are refused one by one": "選んだジョブのそれぞれ。ほかは個別に拒否します",
    "for all jobs": "すべてのジョブ",
    " (reads literal credentials)": "(直接書かれた認証情報を読む)",
    " (also as the body declares it)": "(本文のとおりの対象にも)",
    " (`POST /sync` with `approve`)": "(`POST /sync` に `approve`)",
}


def operations_table(word: Callable[[str], str]) -> str:
    """The table operation x role x scope, by role. `word` says the words of the table in the language of the page."""
    found = sorted(OPERATIONS.items(), key=lambda item: (list(Role).index(item[1].role), item[1].target, item[0]))
    rows = [
        f"| `{name}`{word(f' ({ALSO[name]})') if name in ALSO else ''} | "
        + " | ".join(word("yes") if role.covers(one.role) else "–" for role in Role)
        + f" | {word(WHERE[one.target])} |\n"
        for name, one in found
    ]
    head = (
        f"| {word('operation')} | {' | '.join(Role)} | {word('the role is needed')} |\n|---|{'---|' * len(Role)}---|\n"
    )
    return "\n" + head + "".join(rows) + "\n"


@pytest.mark.parametrize(("name", "word"), [("docs/access.md", str), ("docs/ja/access.md", IN_JAPANESE.__getitem__)])
def test_the_table_of_operations_is_that_of_the_code(name: str, word: Callable[[str], str]) -> None:
    """`GOLDEN=write` writes it into the page."""
    page = ROOT / name
    if os.environ.get("GOLDEN") == "write":
        page.write_text(OPERATIONS_TABLE.sub(operations_table(word), page.read_text("utf-8")), encoding="utf-8")
    assert OPERATIONS_TABLE.findall(page.read_text("utf-8")) == [operations_table(word)]


def test_commands_of_the_access_page_are_understood() -> None:
    lines = [line for block in blocks(ROOT / "docs/access.md", "bash") for line in block.splitlines()]
    found = [understood(command).info_name for line in lines for command in COMMAND.findall(line)]
    assert set(found) == {"create", "list", "revoke"}


def test_the_token_of_the_access_page_is_one() -> None:
    written = re.findall(r"^msk_\S+$", (ROOT / "docs/access.md").read_text("utf-8"), re.MULTILINE)
    assert [read_token(text) is not None for text in written] == [True]


def test_every_setting_of_access_is_documented() -> None:
    documented, chosen = table("README.md"), Settings()
    assert documented[f"`{settings.API_TOKEN_ROLE}`"] == f"`{chosen.api_token_role}`"
    for name in (settings.SESSION_SECRET, settings.INSECURE, settings.ALLOWED_CLIENTS, settings.TRUSTED_PROXIES):
        assert documented[f"`{name}`"] == ("`false`" if name == settings.INSECURE else "none")
        assert name in (ROOT / "docs/access.md").read_text("utf-8")
