"""Recorded answers and pictures: what the tests of the pages' looks rest on."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.support.browser import Pages
from tests.support.pictures import difference, expect_picture
from tests.support.recording import Recording

ASK = """async () => {
  const answer = await fetch("/api/v1/now");
  return [await answer.text(), Date.now()];
}"""


def drawn(size: int = 100, dot: int = 0, shade: int = 0) -> bytes:
    image = Image.new("RGB", (size, size), (255, 255, 255 - shade))
    if dot:
        ImageDraw.Draw(image).rectangle((0, 0, dot - 1, dot - 1), fill="black")
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("other", "share"),
    [
        pytest.param(drawn(), 0.0, id="the same"),
        pytest.param(drawn(shade=10), 0.0, id="hardly different"),
        pytest.param(drawn(shade=50), 1.0, id="another colour"),
        pytest.param(drawn(dot=10), 0.01, id="a dot"),
        pytest.param(drawn(size=99), 1.0, id="another size"),
    ],
)
def test_the_share_that_differs(other: bytes, share: float) -> None:
    assert difference(drawn(), other) == share


def test_a_picture_that_changed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="is missing"):
        expect_picture("one", drawn(), tmp_path)
    with monkeypatch.context() as writing:
        writing.setenv("GOLDEN", "write")
        expect_picture("one", drawn(), tmp_path)
    expect_picture("one", drawn(dot=3), tmp_path)
    assert not (tmp_path / "one.new.png").exists()
    with pytest.raises(AssertionError, match="looks different"):
        expect_picture("one", drawn(dot=10), tmp_path)
    assert (tmp_path / "one.new.png").exists()


def test_answers_and_the_time_are_those_of_the_recording(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setenv("GOLDEN", "write")
    for _ in range(2):
        page = pages.blank()
        complaints: list[str] = []
        Recording("one", tmp_path).play(page, complaints)
        page.goto("/docs")
        told.append(page.evaluate(ASK))
        assert complaints == []
        monkeypatch.delenv("GOLDEN", raising=False)
    assert told[0] == told[1]


def test_what_was_not_recorded_is_a_complaint(pages: Pages, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"at": "2026-11-30T00:00:00+00:00", "answers": {}}', encoding="utf-8")
    pages.allow("status of 404")
    page = pages.blank()
    complaints: list[str] = []
    Recording("one", tmp_path).play(page, complaints)
    page.goto("/docs")
    page.evaluate("""async () => (await fetch("/api/v1/now")).status""")
    assert complaints == ["a request that was not recorded: GET /api/v1/now"]
