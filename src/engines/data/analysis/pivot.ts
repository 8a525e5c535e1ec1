/** The operation pivot: values by two keys, one down and one across, as pandas' pivot_table has them. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import { aggregateOf, aggregateSchema } from './aggregates.js';
import { cut, cutShape, dtypesSchema, pageLimit, pageParams } from './answers.js';
import { recordsSchema, shapeOf, shapeSchema } from './answers.js';
import type { CellRecord } from './answers.js';
import { uniqueNames } from './names.js';
import { scopeOf, scopeParams, versionOf } from './scope.js';
import { columnsOf } from './table.js';
import { targetOf } from './target.js';

const columnsMax = 1000;

export const pivotOperation = defineEngineOperation({
  name: 'pivot',
  access: 'read',
  summary: `An aggregate of values for each row key and each of at most ${columnsMax} column keys; rows with a null in a key are left out.`,
  params: z.object({
    index: z.union([z.string(), z.array(z.string()).min(1).max(20)]),
    columns: z.string().describe('The column whose values become columns.'),
    values: z.string(),
    aggregate: aggregateSchema.default('mean'),
    ...scopeParams,
    ...pageParams,
  }),
  result: z.object({
    columns: z.array(z.string()).describe('The row keys, then the column keys in their order.'),
    records: recordsSchema,
    shape: shapeSchema,
    dtypes: dtypesSchema,
    ...cutShape,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const version = versionOf(engine, params);
    const keys = [...new Set([params.index].flat())];
    const across = targetOf(version, params.columns);
    const aggregate = aggregateOf(targetOf(version, params.values), params.aggregate);
    const relation = scopeOf(engine, params, [...keys, params.columns, params.values]);
    const down = keys.map((key) => targetOf(version, key));
    const refs = down.map(({ ref }) => ref);
    const complete = [...refs, across.ref].map((ref) => `${ref} IS NOT NULL`).join(' AND ');
    const grouped = `SELECT ${refs.map((ref, at) => `${ref} AS k${at}`).join(', ')}, ${across.ref} AS k, ${aggregate.sql} AS v FROM ${relation.from} WHERE ${complete} GROUP BY ${[...refs, across.ref].join(', ')}`;
    const cells = `(SELECT * FROM (${grouped}) WHERE v IS NOT NULL)`;
    const labels = await labelsOf(engine, cells, params.columns, signal);
    const most = pageLimit(engine.services.pageRows, keys.length + labels.length, params.limit);
    const order = refs.map((_ref, at) => `k${at}`).join(', ');
    const page = `SELECT DISTINCT ${order} FROM ${cells} ORDER BY ${order} LIMIT ${most + 1} OFFSET ${params.start}`;
    const sql = `WITH cells AS MATERIALIZED ${cells}, page AS (${page}) SELECT dense_rank() OVER (ORDER BY ${order}), ${order}, k, v FROM cells JOIN page USING (${order}) ORDER BY ALL`;
    const names = uniqueNames([...keys, ...labels.map(labelText)]);
    const types = ['BIGINT', ...down.map(({ type }) => type), across.type, aggregate.type ?? ''];
    const found = await pivoted(engine, sql, { keys: keys.length, labels, names, types }, signal);
    const records = found.slice(0, most);
    const dtypes = [...down.map(({ dtype }) => dtype), ...labels.map(() => aggregate.dtype)];
    return {
      columns: names,
      records,
      shape: shapeOf(records.length, names.length),
      dtypes: Object.fromEntries(names.map((name, at) => [name, dtypes[at] ?? 'object'])),
      ...cut(found.length > most, params.start + records.length),
    };
  },
});

const labelText = (cell: Cell): string => (typeof cell === 'string' ? cell : JSON.stringify(cell));

/** @throws limit_exceeded */
async function labelsOf(
  engine: DataEngine,
  cells: string,
  column: string,
  signal: AbortSignal,
): Promise<readonly Cell[]> {
  const sql = `SELECT DISTINCT k FROM ${cells} ORDER BY k LIMIT ${columnsMax + 1}`;
  const { columns } = await engine.database.read(sql, [], signal);
  const [labels = []] = columns;
  if (labels.length <= columnsMax) return labels;
  const detail = `Column '${column}' has more than ${columnsMax} different values, and each would be a column: pivot by another one, or with a condition.`;
  throw new SojournError('limit_exceeded', detail, { limit: 'pivot columns', column });
}

interface Layout {
  readonly keys: number;
  readonly labels: readonly Cell[];
  readonly names: readonly string[];
  /** Of the columns of the query. */
  readonly types: readonly string[];
}

async function pivoted(
  engine: DataEngine,
  sql: string,
  { keys, labels, names, types }: Layout,
  signal: AbortSignal,
): Promise<CellRecord[]> {
  const places = new Map(labels.map((label, at) => [labelText(label), names[keys + at] ?? '']));
  const records: CellRecord[] = [];
  const empty = (): CellRecord => Object.fromEntries(names.map((name) => [name, null]));
  for await (const chunk of engine.database.stream(sql, [], signal)) {
    const [ranks = [], ...columns] = await columnsOf(chunk, types);
    const label = columns[keys] ?? [];
    const values = columns[keys + 1] ?? [];
    ranks.forEach((rank, at) => {
      const record = (records[Number(rank) - 1] ??= empty());
      names.slice(0, keys).forEach((name, key) => set(record, name, columns[key]?.[at] ?? null));
      set(record, places.get(labelText(label[at] ?? null)) ?? '', values[at] ?? null);
    });
  }
  return records;
}

/** A name may be __proto__, which an assignment would not make a member. */
const set = (record: CellRecord, name: string, value: Cell): void => {
  Object.defineProperty(record, name, { value, enumerable: true, writable: true, configurable: true });
};
