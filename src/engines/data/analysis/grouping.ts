/** The operation group_by. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { DataEngine } from '../data-engine.js';
import type { Version } from '../version.js';
import { aggregateOf, aggregateSchema } from './aggregates.js';
import type { Aggregate } from './aggregates.js';
import { cut, cutShape, dtypesSchema, pageLimit, pageParams } from './answers.js';
import { recordMaker, recordsSchema, shapeOf, shapeSchema } from './answers.js';
import type { CellRecord } from './answers.js';
import { scopeOf, scopeParams, versionOf } from './scope.js';
import { columnsOf } from './table.js';
import { targetOf } from './target.js';

const aggregatedSchema = z.strictObject({
  function: aggregateSchema,
  column: z.string().optional().describe('Not needed for size.'),
  name: z.string().min(1).optional().describe('Of the answer; COLUMN_FUNCTION when left out.'),
  q: z.number().min(0).max(1).optional().describe('Of quantile; 0.5 when left out.'),
});

const groupParams = z.object({
  by: z.union([z.string(), z.array(z.string()).min(1).max(100)]),
  aggregates: z
    .array(aggregatedSchema)
    .min(1)
    .max(200)
    .default([{ function: 'size' }]),
  dropna: z.boolean().default(true).describe('Leave out rows with a null in the key.'),
  sort: z.boolean().default(true).describe('By the key; otherwise in the order in which keys come.'),
  ...scopeParams,
  ...pageParams,
});
type GroupParams = z.output<typeof groupParams>;

export const groupOperation = defineEngineOperation({
  name: 'group_by',
  access: 'read',
  summary: 'Aggregates of the rows that have the same key, as pandas computes them.',
  params: groupParams,
  result: z.object({
    columns: z.array(z.string()),
    records: recordsSchema,
    shape: shapeSchema,
    dtypes: dtypesSchema,
    ...cutShape,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const keys = [...new Set([params.by].flat())];
    const version = versionOf(engine, params);
    const fields = fieldsOf(version, keys, params);
    const used = params.aggregates.flatMap(({ column }) => column ?? []);
    const { from } = scopeOf(engine, params, [...keys, ...used]);
    const refs = keys.map((key) => targetOf(version, key).ref);
    const most = pageLimit(engine.services.pageRows, fields.length, params.limit);
    const kept = params.dropna ? `WHERE ${refs.map((ref) => `${ref} IS NOT NULL`).join(' AND ')}` : '';
    const order = params.sort ? refs.map((ref) => `${ref} ASC NULLS LAST`).join(', ') : 'min("row")';
    const select = `SELECT ${fields.map(({ sql }) => sql).join(', ')} FROM ${from} ${kept}`;
    const sql = `${select} GROUP BY ${refs.join(', ')} ORDER BY ${order} LIMIT ${most + 1} OFFSET ${params.start}`;
    const names = fields.map(({ name }) => name);
    const found = await recordsOf(engine, sql, fields, signal);
    const records = found.slice(0, most);
    return {
      columns: names,
      records,
      shape: shapeOf(records.length, names.length),
      dtypes: Object.fromEntries(fields.map(({ name, dtype }) => [name, dtype])),
      ...cut(found.length > most, params.start + records.length),
    };
  },
});

interface Field extends Aggregate {
  readonly name: string;
}

/** @throws invalid_params when two have one name or a column is missing */
function fieldsOf(version: Version, keys: readonly string[], { aggregates }: GroupParams): Field[] {
  const fields = keys.map((key): Field => {
    const { ref, dtype, type } = targetOf(version, key);
    return { name: key, sql: ref, dtype, type };
  });
  for (const { function: called, column, name, q } of aggregates) {
    if (column === undefined && called !== 'size')
      throw new SojournError('invalid_params', `The aggregate ${called} needs a column.`);
    const target = targetOf(version, column ?? keys[0] ?? '');
    const usual = column === undefined ? called : `${column}_${called}`;
    fields.push({ name: name ?? usual, ...aggregateOf(target, called, q) });
  }
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return fields;
  const detail = `Two columns of the answer would be called '${twice}'; give one of the aggregates another name.`;
  throw new SojournError('invalid_params', detail, { name: twice });
}

/** The rows of a query as records with other names than SQL knows. */
async function recordsOf(
  engine: DataEngine,
  sql: string,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<CellRecord[]> {
  const records: CellRecord[] = [];
  const make = recordMaker(fields.map(({ name }) => name));
  const types = fields.map(({ type = '' }) => type);
  for await (const chunk of engine.database.stream(sql, [], signal)) {
    const columns = await columnsOf(chunk, types);
    for (let at = 0; at < chunk.rowCount; at += 1)
      records.push(make(columns.map((cells) => cells[at] ?? null)));
  }
  return records;
}
