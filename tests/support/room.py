"""Whether everything on a page has room: nothing beyond its edge, nothing cut off, and each control within reach."""

from playwright.sync_api import Page

_NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
    svg, svg * { letter-spacing: 0 !important; word-spacing: 0 !important; }
    p { margin-bottom: 2em !important; }
  `);
  document.adoptedStyleSheets = [sheet];
}"""
_LOST = """() => {
  const found = [];
  const name = (node) => `${node.tagName}.${node.getAttribute("class")} ${node.textContent.slice(0, 40)}`;
  const isSeen = (node) => node.checkVisibility({ visibilityProperty: true });
  const scrolls = (node) => node !== document.documentElement && /auto|scroll/.test(getComputedStyle(node).overflowX);
  const isWithin = (node) => node && (scrolls(node) || isWithin(node.parentElement));
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) found.push(`the page is ${width} px wide`);
  for (const node of document.querySelectorAll("header *, main *, dialog *")) {
    const box = node.getBoundingClientRect();
    if (node.closest("svg, .unseen") || !isSeen(node) || !box.width || !box.height) continue;
    const isOutside = box.left < -1 || box.right > innerWidth + 1;
    if (isOutside && !isWithin(node.parentElement)) found.push(`outside: ${name(node)}`);
    const { overflowX, position, textOverflow } = getComputedStyle(node);
    const isAsMeant = position === "absolute" || node.matches("[title], .cell, .lines .job, .chips");
    if (isAsMeant || !/hidden|clip/.test(overflowX) || !node.clientWidth) continue;
    const isCut = textOverflow !== "ellipsis" && node.scrollWidth > node.clientWidth + 1;
    if (isCut || node.scrollHeight > node.clientHeight + 2) found.push(`cut: ${name(node)}`);
  }
  for (const text of document.querySelectorAll(".picture svg text")) {
    const { x, width } = text.getBBox();
    const room = text.ownerSVGElement.clientWidth;
    if (isSeen(text) && (x < -1 || x + width > room + 1)) found.push(`cut in a drawing: ${text.textContent}`);
  }
  return found;
}"""
_UNREACHABLE = """() => {
  const found = [];
  for (const node of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (node.matches(".skip") || !node.checkVisibility({ visibilityProperty: true })) continue;
    node.scrollIntoView({ block: "center", inline: "center" });
    const box = [...node.getClientRects()].find((one) => one.width && one.height);
    if (!box) continue;
    const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 40), box.top + box.height / 2);
    const isIt = top && (node.contains(top) || top.contains(node) || top.closest("label")?.contains(node));
    if (isIt && top !== document.documentElement) continue;
    found.push(`${node.tagName} ${node.textContent.slice(0, 30)} is below ${top?.tagName}.${top?.className}`);
  }
  scrollTo(0, 0);
  return found;
}"""


def lost(page: Page) -> list[str]:
    """What is beyond the page's edge or cut off, other than what scrolls by itself or ends with an ellipsis."""
    page.evaluate(_NEXT_FRAME)
    found: list[str] = page.evaluate(_LOST)
    return found


def unreachable(page: Page) -> list[str]:
    """Controls that can't be brought before the viewer, or only below something else."""
    found: list[str] = page.evaluate(_UNREACHABLE)
    return found


def space_texts(page: Page) -> None:
    """The distances of WCAG 1.4.12 (text spacing). Drawings keep their own: their texts are in tables beside them."""
    page.evaluate(_SPACED)
