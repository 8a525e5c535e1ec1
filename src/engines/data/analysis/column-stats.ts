/**
 * The statistics of one column by its family: numbers as pandas describes them, texts and booleans by what is most
 * frequent, dates by their ends.
 */
import { z } from 'zod';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { doubleOf, spreadOf } from './aggregates.js';
import { cellSchema } from './answers.js';
import { histogramSchema } from './histogram.js';
import { groupedQuantiles } from './grouped-quantiles.js';
import type { Target } from './target.js';

const count = z.number().int();
const optionalCount = count.optional();
const optionalCell = cellSchema.optional();
export const statsSchema = z.object({
  column: z.string(),
  dtype: z.string(),
  count: count.describe('Cells that are not null.'),
  null_count: count,
  unique: count.describe('Different values; null is none.'),
  mean: optionalCell,
  std: optionalCell.describe('With n - 1.'),
  min: optionalCell,
  '25%': optionalCell,
  '50%': optionalCell,
  '75%': optionalCell,
  max: optionalCell,
  sum: optionalCell,
  top: optionalCell.describe('The most frequent value; of several the one that comes first.'),
  freq: optionalCount,
  min_length: optionalCell,
  max_length: optionalCell,
  true_count: optionalCount,
  false_count: optionalCount,
  quantiles: z.record(z.string(), cellSchema).optional(),
  histogram: histogramSchema.optional(),
});
export type ColumnStats = z.output<typeof statsSchema>;

/** What one query finds out about a column; several are asked at once, and each takes the time of its slowest part. */
export interface StatsPart {
  readonly aggregates: readonly string[];
  readonly take: (cells: readonly Cell[]) => Partial<ColumnStats>;
}

const usual = [0.25, 0.5, 0.75];

/** All but what `valuesOf` finds. */
export function statsParts(target: Target, quantiles: readonly number[]): StatsPart[] {
  const { ref, family } = target;
  if (family === 'number') return [numbers(target), quantilesOf(target, quantiles)];
  if (family === 'date') return [counted(ref, [`min(${ref})`, `max(${ref})`], ends)];
  if (family === 'boolean') return [counted(ref, [`count_if(${ref})`, `count_if(NOT ${ref})`], truths)];
  if (family === 'text' && target.type === 'VARCHAR')
    return [counted(ref, [`min(length(${ref}))`, `max(length(${ref}))`], lengths)];
  return [counted(ref, [], () => ({}))];
}

function counted(
  ref: string,
  further: readonly string[],
  take: (cells: readonly Cell[]) => Partial<ColumnStats>,
): StatsPart {
  return {
    aggregates: [`count(${ref})`, `count(*) - count(${ref})`, ...further],
    take: ([filled, nulls, ...cells]) => ({
      count: Number(filled),
      null_count: Number(nulls),
      ...take(cells),
    }),
  };
}

const ends = ([min = null, max = null]: readonly Cell[]) => ({ min, max });
const truths = ([yes, no]: readonly Cell[]) => ({ true_count: Number(yes), false_count: Number(no) });
const lengths = ([min = null, max = null]: readonly Cell[]) => ({ min_length: min, max_length: max });

function numbers(target: Target): StatsPart {
  const { ref } = target;
  const further = [
    `avg(${ref})`,
    spreadOf('stddev_samp', target),
    `min(${ref})`,
    `max(${ref})`,
    `coalesce(sum(${ref}), 0)`,
  ];
  return counted(ref, further, ([mean = null, std = null, min = null, max = null, sum = null]) => ({
    mean,
    std,
    min,
    max,
    sum,
  }));
}

function quantilesOf(target: Target, quantiles: readonly number[]): StatsPart {
  const list = [...usual, ...quantiles].join(', ');
  return {
    aggregates: [`quantile_cont(${doubleOf(target)}, [${list}])`],
    take: ([cell]) => named(Array.isArray(cell) ? cell : [], quantiles),
  };
}

function named(found: readonly Cell[], quantiles: readonly number[]): Partial<ColumnStats> {
  const [low = null, middle = null, high = null, ...further] = found;
  const asked = Object.fromEntries(quantiles.map((q, at) => [String(q), further[at] ?? null]));
  return {
    '25%': low,
    '50%': middle,
    '75%': high,
    ...(quantiles.length > 0 ? { quantiles: asked } : {}),
  };
}

const hasTop = ({ family }: Target): boolean => family !== 'number' && family !== 'date';

/**
 * How many different values there are and, where a family has that, the most frequent one. By groups, which take half
 * as long as an aggregate of what is different.
 */
export async function valuesOf(
  engine: DataEngine,
  relation: Relation,
  target: Target,
  signal?: AbortSignal,
): Promise<Partial<ColumnStats>> {
  const { ref } = target;
  const grouped = `FROM ${relation.from} WHERE ${ref} IS NOT NULL GROUP BY ${ref}`;
  if (!hasTop(target)) {
    const [different] = await engine.database.row(
      `SELECT count(*) FROM (SELECT ${ref} ${grouped})`,
      [],
      signal,
    );
    return { unique: Number(different) };
  }
  const groups = `SELECT ${ref} AS v, count(*) AS n, min("row") AS f ${grouped}`;
  const sql = `WITH g AS (${groups}) SELECT v, n, (SELECT count(*) FROM g) FROM g ORDER BY n DESC, f LIMIT 1`;
  const [top = null, freq, unique] = await engine.database.row(sql, [], signal);
  return { unique: Number(unique ?? 0), top, freq: Number(freq ?? 0) };
}

/** @throws as `Database.read` */
export async function columnStats(
  engine: DataEngine,
  relation: Relation,
  target: Target,
  quantiles: readonly number[],
  signal?: AbortSignal,
): Promise<ColumnStats> {
  const read = async ({ aggregates, take }: StatsPart) =>
    take(await engine.database.row(`SELECT ${aggregates.join(', ')} FROM ${relation.from}`, [], signal));
  if (target.family === 'number') {
    const shares = [...usual, ...quantiles];
    const grouped = await groupedQuantiles(engine, relation, target, shares, signal);
    if (grouped) {
      const { unique, quantiles: found } = grouped;
      return inOrder(target, [await read(numbers(target)), named(found, quantiles), { unique }]);
    }
  }
  const parts = await Promise.all([
    ...statsParts(target, quantiles).map(read),
    valuesOf(engine, relation, target, signal),
  ]);
  return inOrder(target, parts);
}

/** The members in the order in which they are documented. */
export function inOrder(target: Target, parts: readonly Partial<ColumnStats>[]): ColumnStats {
  const found = parts.reduce<Partial<ColumnStats>>((all, part) => ({ ...all, ...part }), {});
  const members = Object.keys(statsSchema.shape).flatMap((key): [string, unknown][] => {
    const value: unknown = Reflect.get(found, key);
    return value === undefined ? [] : [[key, value]];
  });
  const empty = { column: target.name, dtype: target.dtype, count: 0, null_count: 0, unique: 0 };
  return { ...empty, ...Object.fromEntries(members) };
}
