/** The objective by the values of one key or of two: means over the settings. */

const FEW = 12; // values of a key that each have a mean of their own
const GROUPS = 6; // of equal size, of a number that has more
const BINS = { across: 5, down: 8 }; // of equal width, of a number that has more, in a heat map

const isNumber = (value) => typeof value === "number";
const meanOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** The keys, the most important ones first, as far as that is known. */
export function byImportance({ table, importance }) {
  const shares = importance?.shares ?? {};
  return table.keys.toSorted((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0));
}

/** All values of a key: numbers by size, then texts in the order of the table, and null last. */
export function distinctValues(settings, key) {
  const values = [...new Set(settings.map(({ values: of }) => of[key] ?? null))];
  const numbers = values.filter((value) => typeof value === "number").toSorted((a, b) => a - b);
  const others = values.filter((value) => value !== null && typeof value !== "number");
  return [...numbers, ...others, ...(values.includes(null) ? [null] : [])];
}

/**
 * The mean objective of the settings with each value of a key, or of groups of equal size if it has many values.
 * @param {Object[]} settings Those without a result do not count.
 * @param {string} key
 * @param {"linear"|"log"|"category"} kind Of its axis.
 * @returns {{low: any, high: any, mean: number, n: number}[]} In the order of the axis; `low` and `high` are the
 *     outermost values of a group.
 */
export function meansBy(settings, key, kind) {
  const known = settings.filter(({ mean }) => Number.isFinite(mean));
  const values = distinctValues(known, key);
  if (kind === "category" || values.length <= FEW) {
    return values.map((value) =>
      groupOf(
        known.filter((setting) => (setting.values[key] ?? null) === value),
        key,
      ),
    );
  }
  const order = known.toSorted((a, b) => a.values[key] - b.values[key]);
  const count = Math.min(GROUPS, Math.floor(order.length / 2));
  return Array.from({ length: count }, (_, i) => {
    const part = (place) => Math.round((place * order.length) / count);
    return groupOf(order.slice(part(i), part(i + 1)), key);
  });
}

/** The mean of settings that are in the order of a key. */
const groupOf = (group, key) => ({
  low: group[0].values[key] ?? null,
  high: group.at(-1).values[key] ?? null,
  mean: meanOf(group.map(({ mean }) => mean)),
  n: group.length,
});

/**
 * The mean objective of the settings with each pair of values of two keys.
 * @param {Object} table
 * @param {string} keyX
 * @param {string} keyY
 * @returns {{columns: Object[], rows: Object[], cells: {mean: ?number, n: number}[][]}} `columns` and
 *     `rows` are `{low, high}`, the values that they hold; cells by row and column.
 */
export function heatCells({ settings, scales }, keyX, keyY) {
  const columns = binsOf(settings, keyX, scales[keyX], BINS.across);
  const rows = binsOf(settings, keyY, scales[keyY], BINS.down);
  const holds = ({ low, high }, value) =>
    low === high ? value === low : isNumber(value) && value >= low && value <= high;
  const cells = rows.map((row) =>
    columns.map((column) => {
      const here = settings.filter(
        ({ values }) => holds(column, values[keyX] ?? null) && holds(row, values[keyY] ?? null),
      );
      const means = here.map(({ mean }) => mean).filter(Number.isFinite);
      return { mean: means.length ? meanOf(means) : null, n: means.length };
    }),
  );
  return { columns, rows, cells };
}

/** Each value of a key; or ranges of equal width if it has many, as far as values lie in them. */
function binsOf(settings, key, kind, most) {
  const values = distinctValues(settings, key);
  if (kind === "category" || values.length <= FEW) return values.map((value) => ({ low: value, high: value }));
  const transform = kind === "log" ? Math.log : (value) => value;
  const [start, end] = [transform(values[0]), transform(values.at(-1))];
  const bins = Array.from({ length: most }, () => []);
  for (const value of values) {
    const place = Math.floor((most * (transform(value) - start)) / (end - start));
    bins[Math.min(most - 1, place)].push(value);
  }
  return bins.filter((bin) => bin.length).map((bin) => ({ low: bin[0], high: bin.at(-1) }));
}
