"""The files of the dashboard: types, lint, size, texts, and what they must not do."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest

from myscheduler.core.findings.rule_advice import ADVICE
from myscheduler.core.findings.rules import RULES
from myscheduler.web.bundle import ENTRY, MEDIA_TYPES, imports_of, lean, lean_style, read_bundle
from tests.support.checkout import ROOT
from tests.support.patience import PATIENCE

STATIC = ROOT / "myscheduler/web/static"
FILES = {str(path.relative_to(STATIC)): path.read_text("utf-8") for path in STATIC.rglob("*") if path.is_file()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
OF_PAGES = {name.split(".")[0]: name for name in FILES if name.endswith(".en.js")}
"""The English texts of pages that no other page needs, by `texts/PAGE`."""
PAIRS = [("en.js", "ja.js"), *((name, f"{page}.ja.js") for page, name in OF_PAGES.items())]
"""Texts in English, and the same in Japanese."""
OWN_TEXTS = re.findall(r'withTexts\("(\w+)", \(\) => import\("\./(pages/[\w-]+\.js)"\)\)', FILES["main.js"])
"""Texts, and the modules of the pages that they are read with."""
MOST_BYTES = 156 * 1024
"""Of scripts and styles, uncompressed."""
FORBIDDEN = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|srcdoc|eval|importScripts|createContextualFragment|DOMParser)\b"
    r"|setHTMLUnsafe|document\.write|new Function\b|javascript:"
    r"""|setAttribute(?:NS)?\(\s*(?:null,\s*)?["'`](?:style|on\w+)["'`]"""
)
"""What makes markup or script of text, or styles and handlers of attributes, which the policy refuses."""
ORIGIN = re.compile(r"(?<![\w.])(?:https?:)?//[\w.-]+\.[a-z]{2,}|\bwss?://", re.IGNORECASE)
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/1999/xhtml")
ADVISED = re.compile(r"https://(?:\w+\.example\.(?:com|org)|kubernetes\.default\.svc)(?![\w.])")
IMPORT = re.compile(
    r"""(?:^import\b(?:[^"'`;()=]*\bfrom)?\s*|^export\b[^"'`;()=]*\bfrom\s*|\bimport\(\s*)["']([^"']+)["']""",
    re.MULTILINE,
)
LITERAL = re.compile(r"""["'`]([a-z][\w-]*(?:\.[\w-]+)*)["'`]""")
PATTERN = re.compile(r"`([a-z][\w-]*\.[\w.-]*)\$\{[^`]*`")
CODED = re.compile(r"""\bcoded\(\s*["'`]([\w.-]+)["'`]""")
CALL = re.compile(r"""\bt\(\s*["'`]([^"'`$]+)["'`]""")


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool of the environment, which asks nobody in the network."""
    tool = Path(sys.executable).parent / command
    environment = {**os.environ, "DENO_NO_UPDATE_CHECK": "1", "DENO_DIR": str(Path.cwd() / "deno"), "NO_COLOR": "1"}
    return subprocess.run(
        [tool, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_types() -> None:
    done = run("deno", "check", "--quiet", "--no-remote", "--no-npm", "--config", "deno.json", str(STATIC))
    assert done.returncode == 0, done.stderr


def test_lint() -> None:
    done = run("oxlint", "--config", ".oxlintrc.json", "--deny-warnings", str(STATIC))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("tool", "source"),
    [
        ("check", "/** @param {number} n */\nexport const twice = (n) => n.size;\n"),
        ("lint", "export function equal(a, b) {\n  return a == b;\n}\n"),
    ],
)
def test_a_mistake_would_be_noticed(tmp_path: Path, tool: str, source: str) -> None:
    path = tmp_path / "wrong.js"
    path.write_text(source, encoding="utf-8")
    check = ("deno", "check", "--quiet", "--no-remote", "--no-npm", "--config", "deno.json", str(path))
    lint = ("oxlint", "--config", ".oxlintrc.json", "--deny-warnings", str(path))
    assert run(*(check if tool == "check" else lint)).returncode != 0


def test_texts_of_pages_are_read_with_them() -> None:
    assert {f"texts/{name}" for name, _ in OWN_TEXTS} == set(OF_PAGES)


@pytest.mark.parametrize("texts", [("en.js",), ("ja.js", "ja-schedule.js", "ja-messages.js")], ids=["en", "ja"])
@pytest.mark.parametrize("page", sorted(set(re.findall(r"pages/[\w-]+\.js", FILES["main.js"]))))
def test_the_size_of_what_a_page_loads(page: str, texts: tuple[str, ...]) -> None:
    """In one language, with nothing kept from another page; with the texts of problems, if it shows these.

    Texts of refusals, and of problems in policy.yaml, access.yaml, notifications.yaml, `notify`, `ping` and how bodies
    are sent, are loaded besides, but only where there are any; on the page of a job, so is what tells of its chains.
    """
    served = read_bundle().assets
    loaded: set[str] = {"app.css"}
    left = [ENTRY, "main.js", page, *texts]
    language = texts[0].removesuffix(".js")
    left += [f"texts/{name}.{language}.js" for name, module in OWN_TEXTS if module == page]
    if language == "ja":
        for name in ("source", "channels"):
            left += [f"ja-{name}.js"] * bool(re.search(rf'loadMessages\([^)]*"{name}"', SCRIPTS[page]))
        left += ["ja-problems.js"] * ("loadProblems(" in SCRIPTS[page])
    while left:
        name = left.pop()
        if name not in loaded:
            loaded.add(name)
            left += imports_of(name, served[name].content.decode())
    assert len(loaded) > 10
    assert sum(len(served[name].content) for name in loaded) < MOST_BYTES


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_text_goes_over_several_lines(name: str) -> None:
    """Indentation within such a text would be lost when it is served."""
    code = re.sub(r"^\s*(?:/\*.*?\*/|//[^\n]*)$", "", SCRIPTS[name], flags=re.MULTILINE | re.DOTALL)
    assert [line for line in code.splitlines() if line.count("`") % 2] == []


def test_what_is_served_means_the_same(tmp_path: Path) -> None:
    """It is still JavaScript in which nothing is missing."""
    for name, asset in read_bundle().assets.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(asset.content)
    done = run("oxlint", "--config", ".oxlintrc.json", str(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("// a\nb();\n", "b();\n"),
        ("/**\n * a\n */\n  b();\n", "b();\n"),
        ('const a = "// b"; // c\n', 'const a = "// b"; // c\n'),
        ('  "a.b": "c: d",\n  "e": (f) => g,\n', '"a.b":"c: d","e":(f) => g,\n'),
        ("/** @type {A} */ (b).c();\nd(); /* e */\n", "/** @type {A} */ (b).c();\nd(); /* e */\n"),
        ("  /* one */\n  .a { b: c; }\n", ".a { b: c; }\n"),
    ],
)
def test_comments_are_not_served(source: str, expected: str) -> None:
    assert lean(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a > b, c { d: e; f: g h }\n", "a > b,c{d:e;f:g h}"),
        ("@media (max-width: 9px) {\n  a:hover { d: e; }\n}\n", "@media (max-width:9px){a:hover{d:e}}"),
        ('/* x */\na :b { content: "▸"; d: calc(1em + 2px) }', 'a :b{content:"▸";d:calc(1em + 2px)}'),
    ],
)  # fmt: skip
def test_styles_are_served_without_spaces_around_signs(source: str, expected: str) -> None:
    assert lean_style(source) == expected


def test_every_file_is_served() -> None:
    assert set(read_bundle().assets) == set(FILES)
    assert all(name.endswith(tuple(MEDIA_TYPES)) for name in FILES)


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_other_origin_is_mentioned(name: str) -> None:
    text = FILES[name]
    for namespace in NAMESPACES:
        text = text.replace(namespace, "")
    if name.startswith("ja-") or name == "rules.js":  # advice names hosts, such as those that are reserved for examples
        text = ADVISED.sub("", text)
    assert ORIGIN.findall(text) == []


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_text_becomes_markup_or_script(name: str) -> None:
    assert FORBIDDEN.findall(SCRIPTS[name]) == []


@pytest.mark.parametrize(
    "source",
    [
        'x.innerHTML = "a"', "eval(x)", 'x.insertAdjacentHTML("a", b)', "document.write(x)",
        'x.setAttribute("style", y)',
        'x.setAttribute("onclick", y)', 'x.setAttributeNS(null, "style", y)', "new Function(x)", "x.srcdoc = y",
    ],
)  # fmt: skip
def test_such_a_place_would_be_noticed(source: str) -> None:
    assert FORBIDDEN.search(source)


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ('fetch("https://example.com/x")', True),
        ('"//cdn.example.com/x.js"', True),
        ('new WebSocket("ws://x")', True),
        ("// a comment. And more", False),
        ("a // b.cd", False),
    ],
)
def test_such_an_origin_would_be_noticed(source: str, is_one: bool) -> None:
    assert bool(ORIGIN.search(source)) is is_one


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_imports_lead_to_files_with_their_suffix(name: str) -> None:
    """Relative ones: these inherit the hash of the path."""
    imported = IMPORT.findall(SCRIPTS[name])
    assert [one for one in imported if not one.startswith(("./", "../"))] == []
    assert [one for one in imported if normpath(join(dirname(name), one)) not in FILES] == []


def test_every_module_is_loaded_by_another() -> None:
    loaded = {
        normpath(join(dirname(name), imported)) for name, text in SCRIPTS.items() for imported in IMPORT.findall(text)
    }
    assert set(SCRIPTS) - loaded == {ENTRY}


@cache
def texts(name: str) -> dict[str, str | None]:
    """The texts of a language, by key; `None` for one that is a function."""
    assert (STATIC / name).exists()
    program = (
        f'import {{ text }} from "{(STATIC / name).as_uri()}";'
        "console.log(JSON.stringify(text, (key, value) => typeof value === 'function' ? null : value));"
    )
    done = run("deno", "eval", "--no-remote", "--no-npm", "--no-config", "--ext=js", program)
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_both_languages_have_the_same_texts_with_the_same_values(pair: tuple[str, str]) -> None:
    en, ja = map(texts, pair)
    assert list(en) == sorted(en)
    assert list(ja) == list(en)
    places = {key: [values(one[key]) for one in (en, ja)] for key in en if en[key] and ja[key]}
    assert {key: both for key, both in places.items() if both[0] != both[1]} == {}


def values(text: str | None) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text or ""))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_japanese_texts_are_japanese(pair: tuple[str, str]) -> None:
    en, ja = map(texts, pair)
    same = {key for key, text in ja.items() if text and text == en[key] and re.search(r"[a-z]{3} [a-z]{3}", text)}
    assert same == set()


def test_every_text_is_used_and_every_one_used_is_there() -> None:
    code = "\n".join(text for name, text in SCRIPTS.items() if name not in {one for pair in PAIRS for one in pair})
    every = [key for name, _ in PAIRS for key in texts(name)]
    known = set(every)
    assert len(every) == len(known)
    assert set(CALL.findall(code)) <= known
    beginnings = (*PATTERN.findall(code), *(f"{prefix}." for prefix in CODED.findall(code)))
    used = set(LITERAL.findall(code))
    assert {key for key in known if key not in used and not key.startswith(beginnings)} == set()


def rules_script() -> str:
    """The advice on each rule as a module: `rules.js` has to be the same."""
    found = {
        rule: {
            "advice": [f"{RULES[rule]} {one.why}", one.fix],
            "wrong": one.wrong.strip("\n"),
            "right": one.right.strip("\n"),
        }
        for rule, one in ADVICE.items()
    }
    lines = [f"  {json.dumps(rule)}: {json.dumps(one, ensure_ascii=False)}," for rule, one in found.items()]
    head = "// The advice on each rule, made from myscheduler/core/findings by a test (GOLDEN=write).\n"
    kind = "/** @type {Record<string, {advice: string[], wrong: string, right: string}>} */\n"
    return f"{head}\n{kind}export const rules = {{\n" + "\n".join(lines) + "\n};\n"


def test_pages_give_the_advice_of_the_rules() -> None:
    if os.environ.get("GOLDEN") == "write":
        (STATIC / "rules.js").write_text(rules_script(), encoding="utf-8")
    assert (STATIC / "rules.js").read_text("utf-8") == rules_script()


def test_every_rule_has_advice_in_japanese() -> None:
    entries = re.findall(r'^  "([a-z0-9-]+)": \["([^"]+)", "([^"]+)"\],$', SCRIPTS["ja-advice.js"], re.MULTILINE)
    assert [rule for rule, _, _ in entries] == list(RULES)
    assert all(re.search("[ぁ-ん]", why) and re.search("[ぁ-ん]", fix) for _, why, fix in entries)


WIDE = re.compile(r"[！（）：；？～]")
"""Signs that are written half-width in Japanese texts, as README.ja.md does it."""
APART = re.compile(
    r"[\d}] (?:[件個回秒行列桁段分]|文字|日間|バイト|ミリ秒)|[ぁ-んァ-ヶー一-龠] \{(?:count|most|shown|total|days)\}"
)
"""A number apart from what it counts, or from the Japanese before it."""


def is_japanese(name: str) -> bool:
    return name.startswith("ja") or name.endswith(".ja.js")


def of_japanese() -> dict[str, str]:
    found = {
        f"{name}: {line}": line for name, text in SCRIPTS.items() if is_japanese(name) for line in text.splitlines()
    }
    about_signs = re.compile(r'  "(?:sign-|colon-full-width)')
    return {key: line for key, line in found.items() if not about_signs.match(line)}


def test_japanese_texts_write_signs_and_numbers_one_way() -> None:
    lines = of_japanese()
    assert len(lines) > 1000
    assert [key for key, line in lines.items() if WIDE.search(line) or APART.search(line)] == []


@pytest.mark.parametrize(
    "text", ["対象（なし）", "対象：なし", "なぜ？", "{count} 件", "3 秒", "ほか {count}件", "2 バイト"]
)
def test_another_way_would_be_noticed(text: str) -> None:
    assert WIDE.search(text) or APART.search(text)
