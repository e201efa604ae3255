// Rows that are copied have tabs between their columns, as spreadsheets take them. Browsers break lines at badges and
// take long lists for no table at all.

/** @param {ClipboardEvent} event */
export function copyRows(event) {
  const selection = getSelection();
  if (!selection?.rangeCount) return;
  const place = selection.getRangeAt(0).commonAncestorContainer;
  const table = (place instanceof Element ? place : place.parentElement)?.closest("table, .list");
  const rows = [...(table?.querySelectorAll("tr, .line") ?? [])].filter((row) => row.closest("table, .list") === table && selection.containsNode(row, true));
  if (rows.length < 2) return;
  const lines = rows.sort((one, other) => indexOf(one) - indexOf(other)).map((row) => [...row.children].map(textOf).join("\t"));
  event.clipboardData?.setData("text/plain", lines.join("\n"));
  event.preventDefault();
}

/** @param {Element} row of a long list, whose rows are in the document in any order; those of tables are in theirs */
function indexOf(row) {
  return Number(row.getAttribute("aria-rowindex"));
}

/** @param {Element} cell */
function textOf(cell) {
  return /** @type {HTMLElement} */ (cell).innerText.replaceAll(/\s+/g, " ").trim();
}
