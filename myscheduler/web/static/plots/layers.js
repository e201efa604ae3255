// Where the boxes of a graph stand and which way its edges go: in layers from left to right, a box right of all that lead
// to it. The same graph is always laid out the same way. Nothing here draws.

/** @typedef {{id: string, width: number}} Box */
/** @typedef {{from: string, to: string, port?: number}} Arc `port`: how far from the middle of its box it begins */
/** @typedef {{x: number, y: number, width: number, height: number, layer: number, row: number}} Place `x` and `y` of its upper left corner */
/** @typedef {[x: number, y: number]} Point */
/**
 * @typedef {{width: number, height: number, places: Map<string, Place>, routes: Point[][], crossings: number, naive: number}} Layout
 *   `routes` has the points of each arc: between the first two it bends, between the next two it is straight, and so on.
 *   `crossings` is how many pairs of edges cross, `naive` how many would if all stood in the given order.
 */
/**
 * A box, or the place where an edge passes a layer.
 * @typedef {{id: string, layer: number, height: number, y: number, row: number, before: Cell[], after: Cell[]}} Cell
 */

export const HEIGHT = 46;
const PASSING = 6;
const GAP = 14;
const BESIDE_EDGE = 9;
const COLUMN = 52;
const MOST_FOR_EDGES = 72;
const SWEEPS = 16;
/** Where there are more cells than this, fewer sweeps have to do: the page must not stand still. */
const MANY = 2_000;
const SWEEPS_OF_MANY = 4;
const ROUNDS = 10;
/** How far apart edges end at a box, at most. */
const ENDS = 7;

/**
 * @param {Box[]} boxes none before one that leads to it; an arc that goes back all the same is drawn backwards
 * @param {Arc[]} arcs between different boxes
 * @returns {Layout}
 */
export function layout(boxes, arcs) {
  const index = new Map(boxes.map((one, i) => [one.id, i]));
  const isBack = arcs.map((arc) => at(index, arc.from) > at(index, arc.to));
  const forward = arcs.map((arc, i) => (isBack[i] ? { from: arc.to, to: arc.from } : arc));
  const cells = inLayers(boxes, forward);
  const passing = forward.map((arc) => joined(at(cells, arc.from), at(cells, arc.to)));
  const layers = listed([...cells.values(), ...passing.flat()]);
  const naive = crossings(layers);
  const count = untangle(layers, naive);
  align(layers);
  const columns = columnsOf(boxes, cells, layers);
  const places = new Map(boxes.map(({ id }) => [id, placeOf(at(cells, id), columns)]));
  const bends = passing.map((cellsOfArc, i) => {
    const points = cellsOfArc.flatMap((one) => /** @type {Point[]} */ ([[columns[one.layer].x, one.y], [columns[one.layer].x + columns[one.layer].width, one.y]]));
    return isBack[i] ? points.toReversed() : points;
  });
  const routes = routed(arcs, places, bends);
  const last = /** @type {{x: number, width: number}} */ (columns.at(-1) ?? { x: 0, width: 0 });
  const height = Math.max(0, ...layers.flat().map((one) => one.y + one.height / 2));
  return { width: last.x + last.width, height, places, routes, crossings: count, naive };
}

/**
 * @template Key, Value
 * @param {Map<Key, Value>} map
 * @param {Key} key one that it has
 */
function at(map, key) {
  return /** @type {Value} */ (map.get(key));
}

/**
 * Cells by id, each one layer behind the last of those that lead to it.
 * @param {Box[]} boxes
 * @param {Arc[]} arcs all forward
 */
function inLayers(boxes, arcs) {
  /** @type {Map<string, string[]>} */
  const parents = new Map(boxes.map(({ id }) => [id, []]));
  for (const { from, to } of arcs) at(parents, to).push(from);
  /** @type {Map<string, Cell>} */
  const cells = new Map();
  for (const { id } of boxes) {
    const layer = Math.max(-1, ...at(parents, id).map((one) => at(cells, one).layer)) + 1;
    cells.set(id, { id, layer, height: HEIGHT, y: 0, row: 0, before: [], after: [] });
  }
  return cells;
}

/**
 * Connects two cells, over one of its own in each layer between them, which are returned.
 * @param {Cell} from
 * @param {Cell} to
 */
function joined(from, to) {
  const between = Array.from({ length: to.layer - from.layer - 1 }, (_, i) => /** @type {Cell} */ ({ id: "", layer: from.layer + 1 + i, height: PASSING, y: 0, row: 0, before: [], after: [] }));
  [...between, to].reduce((one, next) => {
    one.after.push(next);
    next.before.push(one);
    return next;
  }, from);
  return between;
}

/** @param {Cell[]} cells */
function listed(cells) {
  /** @type {Cell[][]} */
  const layers = Array.from({ length: Math.max(-1, ...cells.map((one) => one.layer)) + 1 }, () => []);
  for (const one of cells) layers[one.layer].push(one);
  layers.forEach(number);
  return layers;
}

/** @param {Cell[]} layer */
function number(layer) {
  layer.forEach((one, row) => (one.row = row));
}

/** @param {Cell[][]} layers */
function crossings(layers) {
  return layers.reduce((sum, layer, i) => sum + (i ? crossingsBefore(layer, layers[i - 1].length) : 0), 0);
}

/**
 * How many pairs of edges cross between a layer and the one before it: those that begin in one order and end in the other.
 * @param {Cell[]} layer
 * @param {number} size of the layer before
 */
function crossingsBefore(layer, size) {
  const seen = Array.from({ length: size + 1 }, () => 0); // sums of how many began above, as a binary indexed tree
  let [count, all] = [0, 0];
  for (const one of layer) {
    const rows = one.before.map((parent) => parent.row);
    for (const row of rows) {
      let above = 0;
      for (let i = row + 1; i > 0; i -= i & -i) above += seen[i];
      count += all - above;
    }
    for (const row of rows) for (let i = row + 1; i <= size; i += i & -i) seen[i]++;
    all += rows.length;
  }
  return count;
}

/**
 * Orders the cells of each layer so that few edges cross, and returns how many do.
 * @param {Cell[][]} layers
 * @param {number} naive how many cross now
 */
function untangle(layers, naive) {
  let best = layers.map((layer) => [...layer]);
  let least = naive;
  const sweeps = layers.flat().length > MANY ? SWEEPS_OF_MANY : SWEEPS;
  for (let sweep = 0; sweep < sweeps && least > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed()) byMiddle(layer, isDown ? "before" : "after");
    exchange(layers);
    const count = crossings(layers);
    if (count < least) [least, best] = [count, layers.map((layer) => [...layer])];
  }
  best.forEach((layer, i) => {
    layers[i].splice(0, layer.length, ...layer);
    number(layers[i]);
  });
  return least;
}

/**
 * Puts each cell at the middle of its neighbours; one without any stays where it is.
 * @param {Cell[]} layer
 * @param {"before" | "after"} side
 */
function byMiddle(layer, side) {
  const wanted = new Map(layer.map((one) => [one, one[side].length ? mean(one[side].map((other) => other.row)) : one.row]));
  layer.sort((a, b) => at(wanted, a) - at(wanted, b) || a.row - b.row);
  number(layer);
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

/**
 * Exchanges neighbours where that makes fewer edges cross.
 * @param {Cell[][]} layers
 */
function exchange(layers) {
  for (const layer of layers) {
    for (let i = 1; i < layer.length; i++) {
      const [a, b] = [layer[i - 1], layer[i]];
      const sides = /** @type {const} */ (["before", "after"]);
      const gain = sides.reduce((sum, side) => sum + inverted(a[side], b[side]) - inverted(b[side], a[side]), 0);
      if (gain <= 0) continue;
      [layer[i - 1], layer[i]] = [b, a];
      [b.row, a.row] = [i - 1, i];
    }
  }
}

/**
 * @param {Cell[]} above the neighbours of the upper cell
 * @param {Cell[]} below those of the lower one
 */
function inverted(above, below) {
  return above.reduce((sum, one) => sum + below.filter((other) => other.row < one.row).length, 0);
}

/**
 * Gives each cell its height in the picture: near its neighbours, in the order of its layer.
 * @param {Cell[][]} layers
 */
function align(layers) {
  for (const layer of layers) settle(layer, () => 0);
  for (let round = 0; round < ROUNDS; round++) {
    const isDown = round % 2 === 0;
    const isLast = round >= ROUNDS - 2;
    for (const layer of isDown ? layers : layers.toReversed()) {
      settle(layer, (one) => {
        const near = isLast ? [...one.before, ...one.after] : one[isDown ? "before" : "after"];
        return near.length ? mean(near.map((other) => other.y)) : one.y;
      });
    }
  }
  const top = Math.min(...layers.flat().map((one) => one.y - one.height / 2));
  for (const one of layers.flat()) one.y -= top;
}

/**
 * As near to where they want to be as their order and the room between them allow (pooling of adjacent violators).
 * @param {Cell[]} layer
 * @param {(one: Cell) => number} wanted
 */
function settle(layer, wanted) {
  let offset = 0;
  const offsets = layer.map((one, i) => {
    if (i) offset += (one.height + layer[i - 1].height) / 2 + (one.id && layer[i - 1].id ? GAP : BESIDE_EDGE);
    return offset;
  });
  /** @type {{sum: number, count: number}[]} */
  const pools = [];
  layer.forEach((one, i) => {
    let pool = { sum: wanted(one) - offsets[i], count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count >= pool.sum / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
    }
    pools.push(pool);
  });
  const settled = pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
  layer.forEach((one, i) => (one.y = settled[i] + offsets[i]));
}

/**
 * @param {Box[]} boxes
 * @param {Map<string, Cell>} cells
 * @param {Cell[][]} layers
 */
function columnsOf(boxes, cells, layers) {
  const widths = layers.map(() => 0);
  for (const { id, width } of boxes) widths[at(cells, id).layer] = Math.max(widths[at(cells, id).layer], width);
  let x = 0;
  return widths.map((width, i) => {
    if (i) x += COLUMN + Math.min(MOST_FOR_EDGES, layers[i].reduce((sum, one) => sum + one.before.length, 0) * 2);
    const column = { x, width };
    x += width;
    return column;
  });
}

/**
 * @param {Cell} cell
 * @param {{x: number, width: number}[]} columns
 * @returns {Place}
 */
function placeOf(cell, columns) {
  return { ...columns[cell.layer], y: cell.y - cell.height / 2, height: cell.height, layer: cell.layer, row: cell.row };
}

/**
 * The points of the arcs: from the right of a box to the left of the next, where they end side by side in the order in
 * which they come in.
 * @param {Arc[]} arcs
 * @param {Map<string, Place>} places
 * @param {Point[][]} bends
 */
function routed(arcs, places, bends) {
  const starts = arcs.map(({ from, port = 0 }) => {
    const { x, y, width, height } = at(places, from);
    return /** @type {Point} */ ([x + width, y + height / 2 + port]);
  });
  const from = arcs.map((_, i) => (bends[i].at(-1) ?? starts[i])[1]);
  /** @type {Map<string, number[]>} */
  const into = new Map();
  arcs.forEach((arc, i) => into.set(arc.to, [...(into.get(arc.to) ?? []), i]));
  /** @type {Point[]} */
  const ends = [];
  for (const [id, found] of into) {
    const { x, y, height } = at(places, id);
    const step = Math.min(ENDS, (height - 12) / Math.max(1, found.length - 1));
    found.toSorted((a, b) => from[a] - from[b] || a - b).forEach((arc, i) => (ends[arc] = [x, y + height / 2 + (i - (found.length - 1) / 2) * step]));
  }
  return arcs.map((_, i) => [starts[i], ...bends[i], ends[i]]);
}
