/** Operations that answer with some of the rows: head, tail, sample, search. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import type { Version } from '../version.js';
import { pageParams } from './answers.js';
import { textLiteral } from '../sql-text.js';
import { textOf } from './operands.js';
import { conditionOf, scopeOf, scopeParams } from './scope.js';
import { countRows } from './stats.js';
import { tableOf, tableSchema } from './table.js';
import { targetOf } from './target.js';
import type { Target } from './target.js';

const columnsParam = z
  .array(z.string())
  .min(1)
  .optional()
  .describe('Columns of the answer; all when left out.');
const endParams = z.object({
  n: z.number().int().min(0).default(5),
  columns: columnsParam,
  ...scopeParams,
  start: pageParams.start,
});

export const headOperation = defineEngineOperation({
  name: 'head',
  access: 'read',
  summary: 'The first rows.',
  params: endParams,
  result: tableSchema,
  run: async (engine: DataEngine, params, { signal }) => {
    const { version, from } = scopeOf(engine, params, params.columns);
    const first = `(SELECT * FROM ${from} ${headOf(params)})`;
    return tableOf(
      engine,
      version,
      { from: first },
      { columns: params.columns, start: params.start, signal },
    );
  },
});

export const tailOperation = defineEngineOperation({
  name: 'tail',
  access: 'read',
  summary: 'The last rows, in the order of the table.',
  params: endParams,
  result: tableSchema,
  run: async (engine: DataEngine, params, { signal }) => {
    const { version, from } = scopeOf(engine, params, params.columns);
    const options = { columns: params.columns, start: params.start, signal };
    const last = `(SELECT * FROM ${from} ${tailOf(params, version)})`;
    return tableOf(engine, version, { from: last }, options);
  },
});

/** Without a condition the place of the rows is known. */
const headOf = (params: z.output<typeof endParams>): string =>
  conditionOf(params) ? `ORDER BY "row" LIMIT ${params.n}` : `WHERE "row" < ${params.n}`;

const tailOf = (params: z.output<typeof endParams>, { rows }: Version): string =>
  conditionOf(params)
    ? `ORDER BY "row" DESC LIMIT ${params.n}`
    : `WHERE "row" >= ${Math.max(0, rows - params.n)}`;

const sampleParams = z.object({
  n: z.number().int().min(0).optional().describe('How many rows; 1 when fraction is left out too.'),
  fraction: z.number().min(0).max(1).optional().describe('Instead of n: a part of all rows.'),
  seed: z
    .union([z.number().int(), z.string().max(100)])
    .optional()
    .describe('The same seed gives the same rows of a version. Chosen, and told, when left out.'),
  columns: columnsParam,
  ...scopeParams,
  ...pageParams,
});

export const sampleOperation = defineEngineOperation({
  name: 'sample',
  access: 'read',
  summary: 'Rows by chance, without repetition, in an order by chance.',
  params: sampleParams,
  result: tableSchema.extend({ seed: z.union([z.number(), z.string()]) }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { n = 1, fraction, seed = engine.services.ids.uid(), start, limit, columns } = params;
    if (params.n !== undefined && fraction !== undefined)
      throw new SojournError('invalid_params', 'Give n or fraction, not both.');
    const relation = scopeOf(engine, params, columns);
    const rows =
      fraction === undefined ? n : Math.round(fraction * (await countRows(engine, relation, signal)));
    const order = `hash("row", ${textLiteral(String(seed))}), "row"`;
    const chosen = `(SELECT * FROM ${relation.from} ORDER BY ${order} LIMIT ${rows})`;
    const options = { columns, start, limit, signal };
    return { ...(await tableOf(engine, relation.version, { from: chosen, order }, options)), seed };
  },
});

const searchParams = z.object({
  text: z.string().min(1).max(10_000),
  columns: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Where to look; all columns of texts when left out.'),
  case_sensitive: z.boolean().default(false),
  ...scopeParams,
  ...pageParams,
});

export const searchOperation = defineEngineOperation({
  name: 'search',
  access: 'read',
  summary: 'Rows where a text is part of any cell of a text column.',
  params: searchParams,
  result: tableSchema,
  run: async (engine: DataEngine, params, { signal }) => {
    const { start, limit } = params;
    const relation = scopeOf(engine, params);
    const matches = searched(relation, params.columns).map((target) => matchSql(target, params));
    const where = matches.length === 0 ? 'false' : matches.join(' OR ');
    const from = `(SELECT * FROM ${relation.from} WHERE ${where})`;
    return tableOf(engine, relation.version, { from }, { start, limit, signal });
  },
});

const isSearchable = ({ family, type }: Target): boolean => family === 'text' || type === 'JSON';

function searched({ version }: Relation, names: readonly string[] | undefined): Target[] {
  const targets = (names ?? version.columns.map(({ name }) => name)).map((name) => targetOf(version, name));
  const other = names && targets.find((target) => !isSearchable(target));
  if (!other) return targets.filter(isSearchable);
  const detail = `Column '${other.name}' is ${other.dtype}: only columns of texts can be searched.`;
  throw new SojournError('data_error', detail, { column: other.name, dtype: other.dtype });
}

function matchSql(target: Target, params: { text: string; case_sensitive: boolean }): string {
  const text = textLiteral(params.text);
  if (params.case_sensitive) return `contains(${textOf(target)}, ${text})`;
  return `contains(lower(${textOf(target)}), lower(${text}))`;
}
