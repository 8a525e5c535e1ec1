/** The operations get_stats, under both its names, and describe. */
import { z } from 'zod';
import { defineEngineOperation } from '../../../types/engine.js';
import type { RunContext } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { cut, cutShape, pageParams, shapeOf, shapeSchema } from './answers.js';
import { columnStats, inOrder, statsParts, statsSchema, valuesOf } from './column-stats.js';
import type { ColumnStats } from './column-stats.js';
import { histogramOf } from './histogram.js';
import { scopeOf, scopeParams, versionOf } from './scope.js';
import { numberTarget, targetOf } from './target.js';
import type { Target } from './target.js';

const statsParams = z.object({
  column: z.string(),
  quantiles: z.array(z.number().min(0).max(1)).max(100).optional().describe('Further ones, from 0 to 1.'),
  histogram: z.number().int().min(1).max(1000).optional().describe('The number of bins.'),
  ...scopeParams,
});

async function stats(
  engine: DataEngine,
  params: z.output<typeof statsParams>,
  { signal }: RunContext,
): Promise<ColumnStats> {
  const { column, quantiles = [], histogram: bins } = params;
  const relation = scopeOf(engine, params, [column]);
  const { version } = relation;
  const target =
    bins || quantiles.length > 0 ? numberTarget(version, column, needs) : targetOf(version, column);
  const [found, histogram] = await Promise.all([
    columnStats(engine, relation, target, quantiles, signal),
    bins === undefined ? undefined : histogramOf(engine, relation, target, bins, signal),
  ]);
  return histogram ? { ...found, histogram } : found;
}
const needs = 'a histogram or quantile';

const summary =
  'Statistics of a column, as pandas computes them: std with n - 1, linear quantiles; texts, booleans and dates have their own.';

export const statsOperations = ['get_stats', 'stats'].map((name) =>
  defineEngineOperation({
    name,
    access: 'read',
    summary,
    params: statsParams,
    result: statsSchema,
    run: stats,
  }),
);

const describeParams = z.object({
  columns: z.array(z.string()).min(1).optional().describe('All when left out.'),
  ...scopeParams,
  ...pageParams,
});

/** In one query: DuckDB reads a column once for all of its aggregates. */
const columnsAtOnce = 20;
const columnsMax = 500;

export const describeOperation = defineEngineOperation({
  name: 'describe',
  access: 'read',
  summary: `Statistics of all columns, ${columnsMax} in one answer; start and limit count columns.`,
  params: describeParams,
  result: z.object({
    columns: z.array(z.string()),
    stats: z.record(z.string(), statsSchema),
    shape: shapeSchema.describe('Of the rows that were looked at.'),
    ...cutShape,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const version = versionOf(engine, params);
    const names = [...new Set(params.columns ?? version.columns.map(({ name }) => name))];
    const { start, limit = columnsMax } = params;
    const shown = names.slice(start, start + Math.min(limit, columnsMax));
    const targets = shown.map((name) => targetOf(version, name));
    const scope = (names: readonly string[]) => scopeOf(engine, params, names);
    const found: ColumnStats[] = [];
    for (let at = 0; at < targets.length; at += columnsAtOnce)
      found.push(...(await together(engine, scope, targets.slice(at, at + columnsAtOnce), signal)));
    const rows = found[0] ? found[0].count + found[0].null_count : await countRows(engine, scope([]), signal);
    return {
      columns: shown,
      stats: Object.fromEntries(found.map((one) => [one.column, one])),
      shape: shapeOf(rows, names.length),
      ...cut(start + shown.length < names.length, start + shown.length),
    };
  },
});

/** @param scope the rows with just these columns: queries that name many take long to plan */
async function together(
  engine: DataEngine,
  scope: (names: readonly string[]) => Relation,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<ColumnStats[]> {
  const { from: all } = scope(targets.map(({ name }) => name));
  const parts = targets.map((target) => statsParts(target, []));
  const aggregates = parts.flat().flatMap((part) => part.aggregates);
  const cells = await engine.database.row(`SELECT ${aggregates.join(', ')} FROM ${all}`, [], signal);
  const values = await Promise.all(
    targets.map((target) => valuesOf(engine, scope([target.name]), target, signal)),
  );
  let place = 0;
  const next = (count: number): readonly Cell[] => cells.slice(place, (place += count));
  return targets.map((target, at) => {
    const own = (parts[at] ?? []).map((part) => part.take(next(part.aggregates.length)));
    return inOrder(target, [...own, values[at] ?? {}]);
  });
}

/** Rows of a relation. */
export async function countRows(
  engine: Pick<DataEngine, 'database'>,
  relation: Relation,
  signal?: AbortSignal,
): Promise<number> {
  const [rows] = await engine.database.row(`SELECT count(*) FROM ${relation.from}`, [], signal);
  return Number(rows);
}
