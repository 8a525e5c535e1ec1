/** Histograms as numpy makes them: bins of one width, the last one closed, a single value in a bin of width 1. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { doubleOf } from './aggregates.js';
import type { Target } from './target.js';

export const histogramSchema = z.object({
  edges: z.array(z.number()).describe('One more than counts.'),
  counts: z.array(z.number().int()),
});
export type Histogram = z.output<typeof histogramSchema>;

/** Nulls and infinities are in no bin. @throws as `Database.read` */
export async function histogramOf(
  engine: DataEngine,
  relation: Relation,
  target: Target,
  bins: number,
  signal?: AbortSignal,
): Promise<Histogram> {
  const values = `SELECT ${doubleOf(target)} AS v FROM ${relation.from} WHERE isfinite(${doubleOf(target)})`;
  const ends = await engine.database.row(`SELECT min(v), max(v) FROM (${values})`, [], signal);
  const [low, high] = range(ends[0] ?? null, ends[1] ?? null);
  const width = (high - low) / bins;
  if (!Number.isFinite(width)) {
    const detail = `The numbers of column '${target.name}' reach too far for a histogram: ${low} to ${high}.`;
    throw new SojournError('data_error', detail, { column: target.name });
  }
  const edges = Array.from({ length: bins + 1 }, (_, at) => (at === bins ? high : low + at * width));
  const list = `[${edges.map((edge) => `'${edge}'::DOUBLE`).join(', ')}]`;
  const guess = `least(${bins - 1}, greatest(0, floor((v - '${low}'::DOUBLE) / '${high - low}'::DOUBLE * ${bins})))::INTEGER`;
  const exact = `CASE WHEN v < e[b + 1] THEN greatest(b - 1, 0) WHEN v >= e[b + 2] AND b < ${bins - 1} THEN b + 1 ELSE b END`;
  const sql = `SELECT ${exact} AS bin, count(*) FROM (SELECT v, ${list} AS e, ${guess} AS b FROM (${values})) GROUP BY bin`;
  const { columns } = await engine.database.read(sql, [], signal);
  const counts = new Array<number>(bins).fill(0);
  columns[0]?.forEach((bin, at) => {
    counts[Number(bin)] = Number(columns[1]?.[at]);
  });
  return { edges, counts };
}

function range(min: unknown, max: unknown): [low: number, high: number] {
  if (typeof min !== 'number' || typeof max !== 'number') return [0, 1];
  return min === max ? [min - 0.5, max + 0.5] : [min, max];
}
