"""The Japanese pages say what the English ones say: the same fields, settings, commands, defaults and examples."""

import os
import re
from pathlib import Path

import pytest

from myscheduler.core.reason import Reason
from tests.support.checkout import ROOT
from tests.support.documented import COMMAND, blocks, understood
from tests.support.reference_tables import differences, reference_tables

FOLDER = ROOT / "docs/ja"
OF_THEIR_OWN = frozenset({"README.md", "first-steps.md"})
"""Pages that translate none."""
PAIRS: dict[str, tuple[Path, ...]] = {
    page.relative_to(ROOT).as_posix(): (ROOT / "docs" / page.name,)
    for page in sorted(FOLDER.glob("*.md"))
    if page.name not in OF_THEIR_OWN
}
PAIRS["README.ja.md"] = (ROOT / "README.md",)
PAIRS["docs/ja/operating.md"] = (ROOT / "docs/operating.md", ROOT / "README.md")
"""Each page with those whose tables it has, in the order in which it has them."""


def original(page: str) -> str:
    return "\n".join(one.read_text("utf-8") for one in PAIRS[page])


def translation(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def test_the_pages_are_those_that_operators_need() -> None:
    needed = (
        "first-steps manifests schedules gitops dashboard operating command-line deploy secrets access policy rest-api"
    )
    watching = "monitoring notifications incidents pings tracing logs"
    assert {f"{name}.md" for name in [*needed.split(), *watching.split()]} <= {
        page.name for page in FOLDER.glob("*.md")
    }
    index = (FOLDER / "README.md").read_text("utf-8")
    assert [page.name for page in FOLDER.glob("*.md") if f"({page.name})" not in index] == ["README.md"]


@pytest.mark.parametrize("page", PAIRS)
def test_tables_of_reference_are_those_of_the_english_page(page: str) -> None:
    assert list(differences(original(page), translation(page))) == []


SETTINGS = re.compile(r"^\| 変数 \| 既定値 \|.*?(?=^$|\Z)", re.MULTILINE | re.DOTALL)


def test_settings_are_told_in_the_same_words_wherever_they_are_listed() -> None:
    pages = ("README.ja.md", "docs/ja/operating.md")
    told = [[re.sub(r"\]\([^)]*\)", "]", table) for table in SETTINGS.findall(translation(page))] for page in pages]
    assert len(told[0]) == 1
    assert told[0] == told[1]


def test_there_are_tables_to_compare() -> None:
    sizes = {page: sum(len(table.rows) for table in reference_tables(original(page))) for page in PAIRS}
    assert sizes["docs/ja/manifests.md"] > 50
    assert sizes["docs/ja/operating.md"] > sizes["README.ja.md"] > 15
    assert sizes["docs/ja/command-line.md"] > 30
    assert sizes["docs/ja/logs.md"] > sizes["docs/ja/monitoring.md"] > 40


ENGLISH = """\
| field | default | meaning |
|---|---|---|
| `a`, `b` | `1` | a `word` |
| [`c`](page.md#with-1) | none | x |

| exit code | meaning |
|---|---|
| 0 | fine |
| 1 | `failed` |

| what | at most |
|---|---|
| all together | 1,000 bytes |

| what | happens |
|---|---|
| prose | is not compared |
| `code` | neither |
"""
JAPANESE = """\
| 項目 | 既定値 | 意味 |
|---|---|---|
| `a`, `b` | `1` | 言葉 |
| [`c`](page.md) | なし | `x` または y |

| 終了コード | 意味 |
|---|---|
| 0 | 正常 |
| 1 | 失敗 |

| 対象 | 上限 |
|---|---|
| 合計 | 1,000 バイト |
"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param("`a`, `b` | `1`", "`a`, `b` | `1`", [], id="the same"),
        pytest.param(
            "| `a`, `b` | `1`",
            "| `a`, `b` | `2`",
            ["table 1 (field | default | meaning), row 1, `a` `b`, has other values: `1` and `2`"],
            id="another default",
        ),
        pytest.param(
            "なし",
            "`x`",
            ["table 1 (field | default | meaning), row 2, `c`, has other values: none and `x`"],
            id="a default where there is none",
        ),
        pytest.param(
            "なし",
            "必須",
            ["table 1 (field | default | meaning), row 2, `c`, has other values: none and required"],
            id="required where it isn't",
        ),
        pytest.param(
            "| [`c`](page.md) | なし | `x` または y |\n",
            "",
            ["table 1 (field | default | meaning), row 2 is `c` in the original, and missing in the translation"],
            id="a missing row",
        ),
        pytest.param(
            "| 1 | 失敗 |\n",
            "| 1 | 失敗 |\n| 2 | 誤用 |\n",
            ["table 2 (exit code | meaning), row 3 is missing in the original, and 2 in the translation"],
            id="a row too many",
        ),
        pytest.param(
            "| 0 | 正常 |\n| 1 | 失敗 |\n",
            "| 1 | 失敗 |\n| 0 | 正常 |\n",
            ["table 2 (exit code | meaning), row 1 is 0 in the original, and 1 in the translation"],
            id="rows in another order",
        ),
        pytest.param(
            "1,000",
            "1,024",
            ["table 3 (what | at most), row 1, one without code, has other values: 1,000 and 1,024"],
            id="another limit",
        ),
        pytest.param(
            "\n| 対象 | 上限 |\n|---|---|\n| 合計 | 1,000 バイト |\n",
            "",
            ["table 3 (what | at most) is missing"],
            id="a missing table",
        ),
        pytest.param(
            "| 対象 | 上限 |",
            "| 変数 | 意味 |\n|---|---|\n| `X` | 値 |\n\n| 対象 | 上限 |",
            [
                "table 3 (what | at most), row 1 is one without code in the original, and `X` in the translation",
                "table 4 (対象 | 上限) is not in the original",
            ],
            id="a table too many",
        ),
    ],
)
def test_differences_are_noticed(before: str, after: str, told: list[str]) -> None:
    assert before in JAPANESE
    assert list(differences(ENGLISH, JAPANESE.replace(before, after))) == told


def test_code_may_have_a_bar() -> None:
    (table,) = reference_tables("| format | for |\n|---|---|\n| `a | b` | `c` |\n")
    assert [row.key for row in table.rows] == [("`a | b`",)]


LINK = re.compile(r"\]\(([^)#\s]+\.md)[^)]*\)")


@pytest.mark.parametrize("page", [ROOT / "README.ja.md", *sorted(FOLDER.glob("*.md"))], ids=lambda page: page.name)
def test_links_lead_to_japanese_pages_where_there_are_any(page: Path) -> None:
    """But for links to the original of the page itself."""
    linked = [
        (page.parent / target).resolve() for target in LINK.findall(page.read_text("utf-8")) if "://" not in target
    ]
    english = [one for one in linked if one.parent == ROOT / "docs" and one.name != page.name]
    assert linked
    assert [one.name for one in english if (FOLDER / one.name).exists()] == []


SHOWN = re.compile(r"^```(bash|console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(^|\s+)# .*$", re.MULTILINE)
MESSAGE = re.compile(r'(-m|--reason) "[^"]*"')


def shown(text: str) -> list[str]:
    """Commands and what they print, without what a translation may say in its own language."""
    return [MESSAGE.sub(r'\1 "…"', COMMENT.sub("", block)) for _, block in SHOWN.findall(text)]


PRINTED = re.compile(r"^```(?:console|text)\n.*?^```$", re.MULTILINE | re.DOTALL)


def with_outputs_of(english: str, japanese: str, block: re.Pattern[str] = PRINTED) -> str:
    """What commands print, as the English page has it; unchanged if the pages do not have equally many outputs."""
    outputs = block.findall(english)
    if len(outputs) != len(block.findall(japanese)):
        return japanese
    rest = iter(outputs)
    return block.sub(lambda _: next(rest), japanese)


@pytest.mark.parametrize("page", [page for page in PAIRS if page != "docs/ja/schedules.md"])
def test_commands_and_what_they_print_are_those_of_the_english_page(page: str) -> None:
    """The tests of the English pages run them; the examples of schedules are run by `tests/test_docs.py`.

    `GOLDEN=write` takes what they print from the English page.
    """
    if os.environ.get("GOLDEN") == "write":
        (ROOT / page).write_text(with_outputs_of(original(page), translation(page)), encoding="utf-8")
    assert [block for block in shown(translation(page)) if block not in shown(original(page))] == []


EXAMPLE = re.compile(r"^```(?:yaml|json|http)\n.*?^```$", re.MULTILINE | re.DOTALL)
TRANSLATED = frozenset({"README.ja.md", *(f"docs/ja/{name}.md" for name in ("gitops", "manifests", "schedules"))})
"""Pages whose manifests have names and comments in Japanese; they have tests of their own."""


@pytest.mark.parametrize("page", [page for page in PAIRS if page not in TRANSLATED])
def test_examples_are_those_of_the_english_page(page: str) -> None:
    """The tests of the English pages try them. `GOLDEN=write` takes them from there."""
    english = PAIRS[page][0].read_text("utf-8")
    if os.environ.get("GOLDEN") == "write":
        taken = with_outputs_of(english, translation(page), EXAMPLE)
        (ROOT / page).write_text(taken, encoding="utf-8")
    assert EXAMPLE.findall(translation(page)) == EXAMPLE.findall(english)


def test_outputs_are_taken_from_the_english_page() -> None:
    english = "A\n\n```text\none\n```\n\n```console\n$ two\n```\n"
    japanese = "あ\n\n```text\n1\n```\n\n```console\n$ 2\n```\n\nい\n"
    assert with_outputs_of(english, japanese) == english.replace("A", "あ") + "\nい\n"
    assert with_outputs_of("```text\none\n```\n", japanese) == japanese


def test_other_commands_are_noticed() -> None:
    english = '```bash\nmyscheduler sync --reason "a move" # now\n```\n'
    japanese = '```bash\nmyscheduler sync --reason "移転" # 今すぐ\n```\n'
    assert shown(japanese) == shown(english)
    assert shown(japanese.replace("sync", "top")) != shown(english)


TESTED_ELSEWHERE = frozenset({"command-line.md", "deploy.md", "gitops.md", "rest-api.md", "schedules.md"})
"""Their commands are run by tests of their own; those of `deploy.md` and `rest-api.md` as in the English pages."""
RECIPE = re.compile(r"^\| [^`|]+ \| `(myscheduler [^`]+)` \|$", re.MULTILINE)
"""A row of a table that says with which command something is done."""


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_commands_of_the_japanese_pages_are_understood(page: Path) -> None:
    Path("jobs.d").mkdir()
    Path("names.txt").touch()
    told = [] if page.name in TESTED_ELSEWHERE else [*blocks(page, "bash"), *blocks(page, "console")]
    lines = [line for block in told for line in block.splitlines()]
    for line in [*lines, *RECIPE.findall(page.read_text("utf-8"))]:
        for command in COMMAND.findall(line):
            understood(command)


def test_recipes_of_a_page_are_found() -> None:
    recipes = RECIPE.findall(translation("docs/ja/command-line.md"))
    assert {understood(command.partition(" ")[2]).info_name for command in recipes} >= {
        "list",
        "pause",
        "why",
        "preview",
    }


_STATIC = ROOT / "myscheduler/web/static"
SCREEN = dict(
    one
    for path in (_STATIC / "ja.js", *(_STATIC / "texts").glob("*.ja.js"))
    for one in re.findall(r'^  "([^"]+)": "([^"]*)",$', path.read_text("utf-8"), re.MULTILINE)
)
"""The texts of the dashboard, by their keys; those with a number in them left out."""
NAMED = re.compile(r"「([^」]+)」")


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_what_stands_on_the_screen_is_named_as_it_stands_there(page: Path) -> None:
    """In these pages, 「…」 is for nothing else."""
    assert [name for name in NAMED.findall(page.read_text("utf-8")) if name not in SCREEN.values()] == []


def test_there_are_texts_of_the_screen_to_name() -> None:
    assert len(NAMED.findall((FOLDER / "dashboard.md").read_text("utf-8"))) > 10
    assert SCREEN["action.run-now"] == "今すぐ実行"


def test_every_reason_is_explained_under_its_name_on_the_screen() -> None:
    text = translation("docs/ja/operating.md").partition("| 表示 | `reason` |")[2].partition("\n\n")[0]
    told = [(code, name) for name, code in re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \| [^|]+ \|$", text, re.MULTILINE)]
    assert sorted(told) == sorted((reason, SCREEN[f"reason.{reason}"]) for reason in Reason)
