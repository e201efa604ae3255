"""Checking manifests on the page."""

from playwright.sync_api import Route, expect

from tests.support.browser import Pages
from tests.support.routes_shown import MANIFEST as RIGHT

WRONG = "job_id: a\ntarget_url: https://example.com/a\ncron: 0 25 * * *\n"


def test_problems_appear_while_one_types(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(WRONG)
    expect(page.get_by_text("hour takes 0-23")).to_be_visible()
    page.get_by_role("button", name="line 3, column 7").click()
    expect(page.get_by_role("textbox")).to_be_focused()
    selected = page.evaluate(
        "() => { const one = document.activeElement; return one.value.slice(one.selectionStart, one.selectionEnd); }"
    )
    assert selected == "0 25 * * *"
    page.get_by_role("textbox").fill(RIGHT)
    expect(page.get_by_text("no problems")).to_be_visible()


def test_what_it_would_do(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(RIGHT)
    page.locator("button.primary").click()
    expect(page.get_by_role("link", name="brand-new")).to_be_visible()
    expect(page.get_by_text("05:00:00").first).to_be_visible()


def test_edges_that_change_and_where_chains_begin(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(
        f"{RIGHT}---\njob_id: next\nafter: [{{job: brand-new}}]\ntarget_url: https://example.com/\n"
    )
    page.locator("button.primary").click()
    expect(page.get_by_role("row", name="brand-new → next – on success")).to_be_visible()


def test_what_an_earlier_text_would_do_is_not_shown_beside_a_later_one(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(RIGHT)
    asked: list[Route] = []
    page.route("**/api/v1/plan", lambda route: asked.append(route))  # noqa: PLW0108 - Playwright sets attributes on it
    with page.expect_request("**/api/v1/plan"):
        page.locator("button.primary").click()
    page.get_by_role("textbox").fill(RIGHT.replace("brand-new", "another"))
    asked[0].continue_()
    expect(page.locator("button.primary")).to_be_enabled()
    expect(page.get_by_role("link", name="brand-new")).to_have_count(0)


def test_with_errors_it_does_not_say_that_nothing_would_change(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(WRONG)
    page.locator("button.primary").click()
    expect(page.locator("button.primary")).to_be_enabled()
    expect(page.get_by_text("hour takes 0-23")).to_be_visible()
    expect(page.get_by_text("Nothing would change")).to_have_count(0)


def test_what_is_typed_is_there_when_one_comes_back(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(RIGHT)
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox")).to_have_value(RIGHT)
    expect(page.get_by_text("no problems")).to_be_visible()


def test_the_example_has_no_problems(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("button", name="Insert an example").click()
    expect(page.get_by_text("no problems")).to_be_visible()


def test_files_are_dropped(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").evaluate(
        """(target, texts) => {
          const transfer = new DataTransfer();
          texts.forEach((text, i) => transfer.items.add(new File([text], `${i}.yaml`)));
          target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [RIGHT, RIGHT.replace("brand-new", "another")],
    )
    expect(page.get_by_text("2 jobs")).to_be_visible()


def test_what_changes_has_a_sign_that_stands_still(pages: Pages) -> None:
    page = pages.open("/ui/plan", moves=True)
    page.get_by_role("textbox").fill("job_id: cache-warmer\ninterval: {hours: 7}\ntarget_url: http://127.0.0.1:9/x\n")
    page.locator("button.primary").click()
    changed = page.locator("main .badge").filter(has_text="changed")
    expect(changed).to_have_attribute("data-state", "changed")
    assert changed.locator("svg").evaluate("(one) => getComputedStyle(one).animationName") == "none"


def test_a_rule_tells_what_to_do(pages: Pages) -> None:
    page = pages.open("/ui/plan")
    page.get_by_role("textbox").fill(WRONG)
    page.locator("summary").filter(has_text="invalid-cron").click()
    expect(page.get_by_text("If the schedule were guessed, the job would run at the wrong time.")).to_be_visible()
    expect(page.locator(".rule")).to_contain_text("What to do:")
    pages.check_accessibility(page)
