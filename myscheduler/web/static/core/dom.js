// Builds and patches the document. There is no other way to make elements here: no markup in strings, so that what a
// target answered can never become part of the page.

/** @typedef {Node | string | number | null | undefined | false} Leaf */
/** Lists may be nested; the type can't say so without referring to itself. @typedef {Leaf | readonly any[]} Child */
/** @typedef {Record<string, unknown>} Properties */

const SVG = "http://www.w3.org/2000/svg";
/** Set as properties of the element; everything else becomes an attribute. */
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "selected", "open"]);

/**
 * An HTML element. Properties that are functions (`onclick`) are listeners; `null`, `undefined` and `false` set nothing.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties ?? {});
  append(element, children);
  return element;
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} [properties]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  set(element, properties ?? {});
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Properties} properties
 */
export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (PROPERTIES.has(name)) Reflect.set(element, name, value ?? false);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Element} element
 * @param {readonly Child[]} children
 */
function append(element, children) {
  for (const child of children) {
    if (child instanceof Node) element.append(child);
    else if (typeof child === "object" && child !== null) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(String(child));
  }
}

/**
 * Replaces what an element contains.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * As `fill`; if a control in it has the focus, the one in its place gets it.
 * @param {Element} element
 * @param {...Child} children
 */
export function refill(element, ...children) {
  const controls = () => /** @type {HTMLElement[]} */ ([...element.querySelectorAll("a, button, [tabindex]")]);
  const place = controls().findIndex((one) => one === document.activeElement);
  fill(element, children);
  if (place >= 0) (controls()[place] ?? controls()[0])?.focus({ preventScroll: true });
}

/**
 * Sets the text only if it differs, so that a selection in it and what a screen reader is reading are left alone.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What children that `patched` made were made from. @type {WeakMap<Element, string>} */
const madeFrom = new WeakMap();

/**
 * As `keyed`, with children that are made anew when their item has changed, except the one that has the focus.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} make
 */
export function patched(parent, items, keyOf, make) {
  const noted = (/** @type {Item} */ item) => {
    const child = make(item);
    madeFrom.set(child, JSON.stringify(item));
    return child;
  };
  keyed(parent, items, keyOf, noted, (child, item) => {
    if (madeFrom.get(child) === JSON.stringify(item) || child.contains(document.activeElement)) return child;
    const next = noted(item);
    next.setAttribute("data-key", keyOf(item));
    child.replaceWith(next);
    return next;
  });
}

/**
 * Makes the children of `parent` those of `items`, by key: a child that is there already is kept and updated, never made
 * anew, so that focus, selection and scrolling stay.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} make
 * @param {(element: Element, item: Item) => Element | void} [update] may return another child in its place
 */
export function keyed(parent, items, keyOf, make, update) {
  const present = new Map([...parent.children].map((child) => [child.getAttribute("data-key"), child]));
  /** @type {Element | null} */
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    let child = present.get(key);
    present.delete(key);
    if (child) child = update?.(child, item) ?? child;
    else {
      child = make(item);
      child.setAttribute("data-key", key);
    }
    /** @type {Element | null} */
    const place = before ? before.nextElementSibling : parent.firstElementChild;
    if (child !== place) parent.insertBefore(child, place);
    before = child;
  }
  for (const gone of present.values()) gone.remove();
}
