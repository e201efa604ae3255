// Jobs as boxes and what runs after what as edges, in a box of its own that scrolls and zooms. The arrow keys go from job
// to job along the edges; what changes is changed in place.

import { fill, h, s, set, setText } from "../core/dom.js";
import { t } from "../core/language.js";
import { stateIcon, toneOf } from "../core/status.js";
import { drawEdge, PORTS, setEdge } from "./graph-edges.js";
import { HEIGHT, layout } from "./layers.js";
import { shortened, widthOf } from "./letters.js";

/**
 * @typedef {{id: string, name: string, state: string, words: string, room: string, label: string, href: string, isAny: boolean, isCritical: boolean}} Node
 *   `state` is empty where there is no run; `words` stand below the
 *   name, and may come to be as long as `room`; `label` is what is read out.
 * @typedef {import("./graph-edges.js").Edge} Edge
 */
/** @typedef {import("./layers.js").Layout} Layout */

const EDGE = 14;
const ICON = 28;
const [NARROWEST, WIDEST] = [96, 216];
/** What is drawn at first is never smaller: it could not be read. */
const READABLE = 0.8;
const [SMALLEST, LARGEST] = [0.15, 2];
const STEP = 1.25;

export class Graph {
  /** @type {Layout} */
  #layout = layout([], []);
  /** @type {Node[]} */
  #nodes = [];
  /** @type {Edge[]} */
  #edges = [];
  #shape = "";
  /** The zoom that the viewer has chosen; 0 if none. */
  #chosen = 0;
  #scale = 1;
  #isSeen = false;
  /** The job that Tab reaches. */
  #current = "";
  /** @type {Map<string, SVGAElement>} */
  #links = new Map();

  /** @param {string} label what is read out of the picture as a whole */
  constructor(label) {
    this.picture = s("svg", { role: "group", "aria-label": label, "aria-description": t("graph.keys") });
    this.box = h("div", { class: "graph-box" }, this.picture);
    const zoom = (/** @type {string} */ text, /** @type {string} */ name, /** @type {() => number} */ to) =>
      h("button", { "aria-label": name, title: name, onclick: () => this.#zoom(to()) }, text);
    this.node = h(
      "div",
      { class: "graph" },
      h(
        "div",
        { class: "buttons" },
        zoom("−", t("graph.smaller"), () => this.#scale / STEP),
        zoom("+", t("graph.larger"), () => this.#scale * STEP),
        zoom(t("graph.all"), t("graph.all"), () => this.#fitting(true)),
      ),
      this.box,
    );
    // not of the picture: an SVG element that listens to the focus gets a place of its own in the order of Tab
    this.box.addEventListener("keydown", (event) => this.#move(event));
    this.box.addEventListener("focusin", (event) => this.#reach(idOf(event.target)));
    this.box.addEventListener("pointerdown", (event) => drag(this.box, event));
    new ResizeObserver(() => this.#resize()).observe(this.box);
  }

  /**
   * @param {Node[]} nodes none before one that leads to it
   * @param {Edge[]} edges
   */
  show(nodes, edges) {
    const shape = JSON.stringify([nodes.map(({ id, name, isAny }) => [id, name, isAny]), edges.map(({ from, to, on }) => [from, to, on])]);
    [this.#nodes, this.#edges] = [nodes, edges];
    if (shape !== this.#shape) this.#build();
    this.#shape = shape;
    for (const node of nodes) setNode(/** @type {SVGAElement} */ (this.#links.get(node.id)), node);
    [...(this.picture.firstElementChild?.children ?? [])].forEach((one, i) => setEdge(one, edges[i]));
  }

  #build() {
    const focused = idOf(document.activeElement);
    const hadFocus = this.picture.contains(document.activeElement);
    this.#layout = layout(
      this.#nodes.map(({ id, name, room }) => ({ id, width: boxWidth(name, room) })),
      this.#edges.map(({ from, to, on }) => ({ from, to, port: PORTS[on ?? "always"] })),
    );
    const { routes, places } = this.#layout;
    this.#links = new Map(this.#nodes.map((node) => [node.id, drawNode(node, /** @type {import("./layers.js").Place} */ (places.get(node.id)))]));
    fill(this.picture, s("g", { "aria-hidden": "true" }, routes.map(drawEdge)), s("g", null, [...this.#links.values()]));
    if (!this.#links.has(this.#current)) this.#current = this.#nodes[0]?.id ?? "";
    this.#reach(this.#current);
    this.#resize();
    if (hadFocus) (this.#links.get(focused) ?? this.#links.get(this.#current))?.focus({ preventScroll: true });
  }

  /** At first, the job is seen that it begins with: those that follow it may reach far up and down. */
  #begin() {
    const first = this.#layout.places.get(this.#current);
    if (first) this.box.scrollTop = (first.y + HEIGHT / 2 + EDGE) * this.#scale - this.box.clientHeight / 2;
  }

  /** @param {string} id */
  #reach(id) {
    if (!this.#links.has(id)) return;
    set(/** @type {Element} */ (this.#links.get(this.#current)), { tabindex: "-1" });
    set(/** @type {Element} */ (this.#links.get(id)), { tabindex: "0" });
    this.#current = id;
  }

  /** @param {boolean} isWhole whether all of it has to be seen, however small */
  #fitting(isWhole) {
    const { clientWidth, clientHeight } = this.box;
    const [across, down] = [clientWidth / (this.#layout.width + 2 * EDGE), clientHeight / (this.#layout.height + 2 * EDGE)];
    return isWhole ? Math.min(1, across, down) : Math.min(1, Math.max(READABLE, across));
  }

  #resize() {
    if (!this.box.clientWidth) return;
    const [width, height] = [this.#layout.width + 2 * EDGE, this.#layout.height + 2 * EDGE];
    this.#scale = this.#chosen || this.#fitting(false);
    set(this.picture, { viewBox: `${-EDGE} ${-EDGE} ${width} ${height}`, width: Math.round(width * this.#scale), height: Math.round(height * this.#scale) });
    if (!this.#isSeen) this.#begin();
    this.#isSeen = true;
  }

  /** @param {number} scale what is in the middle stays there */
  #zoom(scale) {
    const { box } = this;
    const before = this.#scale;
    const [x, y] = [box.scrollLeft + box.clientWidth / 2, box.scrollTop + box.clientHeight / 2];
    this.#chosen = Math.min(LARGEST, Math.max(SMALLEST, scale));
    this.#resize();
    const grown = this.#scale / before;
    box.scrollTo(x * grown - box.clientWidth / 2, y * grown - box.clientHeight / 2);
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = this.#next(event.key);
    if (!next) return;
    event.preventDefault();
    const link = this.#links.get(next);
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /**
   * The job that a key leads to; the present one if there is none further.
   * @param {string} key
   * @returns {string | null | undefined} `null` for any other key
   */
  #next(key) {
    const { places } = this.#layout;
    const here = places.get(this.#current);
    if (!here) return null;
    const nearest = (/** @type {string[]} */ ids) => ids.toSorted((a, b) => distance(a) - distance(b))[0] ?? this.#current;
    const distance = (/** @type {string} */ id) => Math.abs((places.get(id)?.y ?? 0) - here.y);
    const beside = (/** @type {number} */ sign) => nearest([...places].filter(([, one]) => one.layer === here.layer && (one.y - here.y) * sign > 0).map(([id]) => id));
    switch (key) {
      case "ArrowRight": return nearest(this.#edges.filter((one) => one.from === this.#current).map((one) => one.to));
      case "ArrowLeft": return nearest(this.#edges.filter((one) => one.to === this.#current).map((one) => one.from));
      case "ArrowDown": return beside(1);
      case "ArrowUp": return beside(-1);
      case "Home": return this.#nodes[0].id;
      case "End": return this.#nodes.at(-1)?.id;
      default: return null;
    }
  }
}

/** @param {EventTarget | null} target */
function idOf(target) {
  return (target instanceof Element && target.closest("a[data-id]")?.getAttribute("data-id")) || "";
}

/**
 * The mouse moves the picture in its box; fingers do that anyway.
 * @param {HTMLElement} box
 * @param {PointerEvent} event
 */
function drag(box, event) {
  if (event.pointerType !== "mouse" || event.button || idOf(event.target)) return;
  const [left, top] = [box.scrollLeft + event.clientX, box.scrollTop + event.clientY];
  const moved = (/** @type {PointerEvent} */ to) => box.scrollTo(left - to.clientX, top - to.clientY);
  const over = new AbortController();
  const end = () => over.abort();
  addEventListener("pointermove", moved, { signal: over.signal });
  addEventListener("pointerup", end, { signal: over.signal });
  addEventListener("pointercancel", end, { signal: over.signal });
}

/**
 * @param {string} name
 * @param {string} room
 */
function boxWidth(name, room) {
  return Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(Math.max(widthOf(name, 13), widthOf(room, 11.5))) + ICON + 14));
}

/**
 * @param {Node} node
 * @param {import("./layers.js").Place} place
 */
function drawNode({ id, name, state, words, isAny }, { x, y, width }) {
  const left = state ? ICON : 12;
  const short = shortened(name, width - ICON - 12, 13);
  const join = isAny && s("g", { class: "join" }, s("rect", { x: 6, y: -11, width: widthOf(t("graph.any"), 10.5) + 12, height: 15, rx: 7.5 }), s("text", { x: 12, y: 0 }, t("graph.any")));
  return s(
    "a",
    { "data-id": id, tabindex: "-1", transform: `translate(${x} ${y})` },
    s("title"),
    s("rect", { class: "box", width, height: HEIGHT, rx: 7 }),
    s("g", { class: "sign", transform: `translate(8 ${HEIGHT / 2 - 8})` }),
    s("text", { class: "name", x: left, y: words ? 20 : 28 }, short),
    s("text", { class: "under", x: left, y: 36 }),
    join,
  );
}

/**
 * @param {SVGAElement} link
 * @param {Node} node
 */
function setNode(link, { name, state, words, label, href, isCritical }) {
  const [title, box, sign, , line] = link.children;
  set(link, { class: `node ${toneOf(state)} ${isCritical ? "critical" : ""}`, href, "aria-label": label, "data-state": state });
  setText(title, `${name}\n${words}`);
  setText(line, shortened(words, Number(box.getAttribute("width")) - ICON - 8, 11.5));
  if (sign.getAttribute("data-state") === state) return;
  set(sign, { "data-state": state });
  fill(sign, state && [...stateIcon(state).children]);
}
