/** Operations on the values of columns: get_unique, count_nulls, find_duplicates, get_outliers. */
import { z } from 'zod';
import { defineEngineOperation } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { doubleOf, spreadOf } from './aggregates.js';
import { cellSchema, cellsSchema, cut, cutShape, pageLimit, pageParams } from './answers.js';
import { scopeOf, scopeParams } from './scope.js';
import { tableOf, tableSchema } from './table.js';
import { numberTarget, targetOf } from './target.js';
import type { Target } from './target.js';

export const uniqueOperation = defineEngineOperation({
  name: 'get_unique',
  access: 'read',
  summary: 'The different values of a column in the order in which they come, nulls left out.',
  params: z.object({
    column: z.string(),
    with_counts: z.boolean().default(false),
    ...scopeParams,
    ...pageParams,
  }),
  result: z.object({
    column: z.string(),
    values: cellsSchema,
    count: z.number().int().describe('Of all different values.'),
    has_null: z.boolean(),
    counts: cellsSchema.optional().describe('How often each value comes.'),
    ...cutShape,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { column, with_counts: withCounts, start } = params;
    const relation = scopeOf(engine, params, [column]);
    const { ref } = targetOf(relation.version, column);
    const most = pageLimit(engine.services.pageRows, 1, params.limit);
    const groups = `SELECT ${ref}, count(*) FROM ${relation.from} WHERE ${ref} IS NOT NULL GROUP BY ${ref}`;
    const page = `${groups} ORDER BY min("row") LIMIT ${most} OFFSET ${start}`;
    const all = `SELECT count(*) FROM (${groups})`;
    const missing = `SELECT count(*) > count(${ref}) FROM ${relation.from}`;
    const [found, [count], [hasNull]] = await Promise.all([
      engine.database.read(page, [], signal),
      engine.database.row(all, [], signal),
      engine.database.row(missing, [], signal),
    ]);
    const [values = [], counts = []] = found.columns;
    return {
      column,
      values,
      count: Number(count),
      has_null: hasNull === true,
      ...(withCounts ? { counts } : {}),
      ...cut(start + values.length < Number(count), start + values.length),
    };
  },
});

export const nullsOperation = defineEngineOperation({
  name: 'count_nulls',
  access: 'read',
  summary: 'How many cells of a column, or of each, are null.',
  params: z.object({ column: z.string().optional(), ...scopeParams }),
  result: z.object({
    column: z.string().optional(),
    null_count: z.number().int().optional(),
    null_counts: z.record(z.string(), z.number().int()).optional(),
    total: z.number().int().describe('Rows.'),
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { column } = params;
    const relation = scopeOf(engine, params, column === undefined ? undefined : [column]);
    const { version } = relation;
    const names = column === undefined ? version.columns.map(({ name }) => name) : [column];
    const counts = names.map((name) => `count(*) - count(${targetOf(version, name).ref})`);
    const sql = `SELECT ${['count(*)', ...counts].join(', ')} FROM ${relation.from}`;
    const [total, ...nulls] = (await engine.database.row(sql, [], signal)).map(Number);
    if (column !== undefined) return { column, null_count: nulls[0] ?? 0, total: total ?? 0 };
    const each = names.map((name, at): [string, number] => [name, nulls[at] ?? 0]);
    return { null_counts: Object.fromEntries(each), total: total ?? 0 };
  },
});

export const outliersOperation = defineEngineOperation({
  name: 'get_outliers',
  access: 'read',
  summary:
    'Rows whose number is further from the mean than std_devs standard deviations, or, with method iqr, further from the quartiles than factor times what lies between them.',
  params: z.object({
    column: z.string(),
    method: z.enum(['std', 'iqr']).default('std'),
    std_devs: z.number().positive().default(3),
    factor: z.number().positive().default(1.5),
    columns: z.array(z.string()).min(1).optional().describe('Columns of the answer; all when left out.'),
    ...scopeParams,
    ...pageParams,
  }),
  result: tableSchema.extend({
    mean: cellSchema,
    std: cellSchema,
    lower: cellSchema.describe('Smaller ones are outliers; null when there is nothing to compare.'),
    upper: cellSchema,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { column, columns, start, limit } = params;
    const relation = scopeOf(engine, params, columns && [...columns, column]);
    const target = numberTarget(relation.version, column, 'get_outliers');
    const ends = await endsOf(engine, relation, target, params, signal);
    const from = `(SELECT * FROM ${relation.from} WHERE ${beyond(target, ends, params)})`;
    const table = await tableOf(engine, relation.version, { from }, { columns, start, limit, signal });
    const { mean, std, lower, upper } = ends;
    return { ...table, mean, std, lower, upper };
  },
});

interface OutlierParams {
  readonly method: 'std' | 'iqr';
  readonly std_devs: number;
  readonly factor: number;
}
interface Ends {
  readonly mean: Cell;
  readonly std: Cell;
  readonly lower: Cell;
  readonly upper: Cell;
}

async function endsOf(
  engine: DataEngine,
  { from }: Relation,
  target: Target,
  { method, std_devs: deviations, factor }: OutlierParams,
  signal: AbortSignal,
): Promise<Ends> {
  const usual = [`avg(${target.ref})`, spreadOf('stddev_samp', target)];
  // Quantiles take a sort.
  const asked = method === 'iqr' ? [...usual, `quantile_cont(${doubleOf(target)}, [0.25, 0.75])`] : usual;
  const sql = `SELECT ${asked.join(', ')} FROM ${from}`;
  const [mean = null, std = null, list] = await engine.database.row(sql, [], signal);
  const none = { mean, std, lower: null, upper: null };
  if (method === 'std') {
    if (typeof mean !== 'number' || typeof std !== 'number') return none;
    return { mean, std, lower: mean - deviations * std, upper: mean + deviations * std };
  }
  const [low, high] = Array.isArray(list) ? list : [];
  if (typeof low !== 'number' || typeof high !== 'number') return none;
  const reach = factor * (high - low);
  return { mean, std, lower: low - reach, upper: high + reach };
}

function beyond(target: Target, ends: Ends, { method, std_devs: deviations }: OutlierParams): string {
  const { mean, std, lower, upper } = ends;
  if (lower === null || upper === null) return 'false';
  const number = doubleOf(target);
  if (method === 'iqr') return `${number} < ${double(lower)} OR ${number} > ${double(upper)}`;
  return `abs(${number} - ${double(mean)}) > ${double(deviations)} * ${double(std)}`;
}

const double = (cell: Cell): string => `'${Number(cell)}'::DOUBLE`;
