/**
 * Quantiles and the number of different values from groups of equal values: where values repeat, sorting the groups
 * takes much less than sorting the cells.
 */
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { doubleOf } from './aggregates.js';
import type { Target } from './target.js';

/** Cells to a group, from which on this is worth it. */
const worthwhile = 4;

export interface GroupedQuantiles {
  readonly unique: number;
  /** In the order that was asked for; null where there are no cells. */
  readonly quantiles: readonly (Cell | null)[];
}

/** Null where values hardly repeat: then the cells themselves are the way. */
export async function groupedQuantiles(
  engine: DataEngine,
  relation: Relation,
  target: Target,
  shares: readonly number[],
  signal?: AbortSignal,
): Promise<GroupedQuantiles | null> {
  const { ref } = target;
  const about = `SELECT count(${ref})::DOUBLE, approx_count_distinct(${ref})::DOUBLE FROM ${relation.from}`;
  const [count, different] = (await engine.database.row(about, [], signal)).map(Number);
  if (count === undefined || different === undefined || different * worthwhile > count) return null;
  // Linear interpolation between the two cells next to a quantile, as pandas has it (Hyndman and Fan 1996, type 7).
  const places = shares.map((share) => (count - 1) * share);
  const ends = places.flatMap((place) => [Math.floor(place), Math.ceil(place)]);
  const cells = ends.map((end) => `min(v) FILTER (c > ${end})`);
  const groups = `SELECT ${doubleOf(target)} AS v, count(*) AS n FROM ${relation.from} WHERE ${ref} IS NOT NULL GROUP BY 1`;
  const ranked = `SELECT v, sum(n) OVER (ORDER BY v) AS c FROM (${groups})`;
  const sql = `SELECT count(*)::DOUBLE, ${cells.join(', ')} FROM (${ranked})`;
  const [unique, ...found] = await engine.database.row(sql, [], signal);
  const quantiles = places.map((place, at) =>
    between(found[at * 2] ?? null, found[at * 2 + 1] ?? null, place - Math.floor(place)),
  );
  return { unique: Number(unique), quantiles };
}

function between(low: Cell, high: Cell, share: number): Cell {
  if (low === high || share === 0 || typeof low !== 'number' || typeof high !== 'number') return low;
  return low + (high - low) * share;
}
