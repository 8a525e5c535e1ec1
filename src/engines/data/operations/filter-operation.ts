/** Rows by conditions: the rows themselves, or a view that further operations read. */
import { z } from 'zod';
import type { RunContext } from '../../../types/engine.js';
import { SojournError } from '../../../types/errors.js';
import { conditionSql } from '../analysis/condition-sql.js';
import { conditionColumns, conditionSchema, operatorSchema, valueSchema } from '../analysis/conditions.js';
import type { Condition } from '../analysis/conditions.js';
import { conditionOf, scopeParams, versionOf, viewSchema } from '../analysis/scope.js';
import { cut, pageLimit } from '../analysis/answers.js';
import { tableOf, tableSchema } from '../analysis/table.js';
import type { Table } from '../analysis/table.js';
import { countRows } from '../analysis/stats.js';
import { columnNames as usedColumns } from '../analysis/target.js';
import { arrowAnswer, arrowMedia, arrowMember, formatParam } from '../arrow-answer.js';
import type { DataEngine } from '../data-engine.js';
import { relationOf } from '../relation.js';
import type { Relation } from '../relation.js';
import { columnsOf, tablePage } from '../table-page.js';
import type { Column, Version } from '../version.js';
import { columnName, columnNames, operation } from './params.js';

const params = z
  .strictObject({
    ...scopeParams,
    column: columnName.optional(),
    operator: operatorSchema.optional(),
    value: valueSchema.optional(),
    columns: columnNames.optional().describe('Columns of the answer; all when left out.'),
    start: z.number().int().min(0).optional().describe('How many of the matching rows are left out first.'),
    end: z.number().int().min(0).optional(),
    limit: z.number().int().min(0).optional(),
    format: formatParam,
    as_view: z.boolean().optional().describe('Answers a view instead of rows; other operations take it.'),
  })
  .refine(({ column, where, view }) => column !== undefined || where !== undefined || view !== undefined, {
    message: 'give a column with an operator and a value, or a condition in where',
    path: ['column'],
  });

const answer = tableSchema.partial().extend({
  /** How many rows match in all. */
  matched: z.number().int().optional(),
  /** The version that was read: further pages are of it when they name it. */
  version: z.number().int().optional(),
  arrow: arrowMember,
  view: viewSchema.optional(),
});

export const filterOperation = operation({
  name: 'filter',
  access: 'read',
  summary: 'Rows that match, in their order; the session stays as it is.',
  params,
  result: answer,
  media: arrowMedia,
  run: async (engine, asked, context) => {
    const { column, operator, value } = asked;
    if (column === undefined && (operator !== undefined || value !== undefined))
      throw new SojournError('invalid_params', 'column: is missing beside operator and value.');
    const own: Condition[] =
      column === undefined
        ? []
        : [
            {
              column,
              ...(operator === undefined ? {} : { operator }),
              ...(value === undefined ? {} : { value }),
            },
          ];
    const scoped = conditionOf(asked);
    const all = [...(scoped ? [scoped] : []), ...own];
    const [only] = all;
    const condition = all.length === 1 && only ? only : { and: all };
    const version = versionOf(engine, asked);
    if (asked.format === 'arrow') {
      const names = asked.columns ?? version.columns.map(({ name }) => name);
      const used = usedColumns(version, [...names, ...conditionColumns(condition)]);
      const relation = relationOf(version, used, conditionSql(version, condition));
      return { arrow: arrowAnswer(engine, relation, asked.columns, context.signal) };
    }
    if (asked.as_view === true)
      return {
        // Counted there: a view may have as many rows as the table.
        matched: await countRows(engine, matchesOf(version, condition), context.signal),
        view: { version: version.seq, where: conditionSchema.parse(condition) },
      };
    const rows = await matching(engine, version, condition, context);
    const table = await page(engine, version, condition, rows, asked, context);
    return { ...table, matched: rows.length, version: version.seq };
  },
});

/** Rows that match, whose columns are not at hand; the next time they are. */
async function selected(
  engine: DataEngine,
  version: Version,
  condition: Condition,
  columns: readonly Column[],
  rows: readonly number[],
  signal: AbortSignal,
): Promise<Table> {
  const names = columns.map(({ name }) => name);
  const used = usedColumns(version, [...names, ...conditionColumns(condition)]);
  const range = `"row" >= ${rows[0] ?? 0} AND "row" <= ${rows.at(-1) ?? 0}`;
  const { from } = relationOf(version, used, `${range} AND ${conditionSql(version, condition)}`);
  const table = await tableOf(engine, version, { from }, { columns: names, limit: rows.length, signal });
  for (const source of [...columns, ...(version.index ? [version.index.source] : [])])
    engine.bringToHand(source);
  return table;
}

/** So few are fetched by pieces of their columns, which then are at hand. */
const fewRows = 4;

const matchesOf = (version: Version, condition: Condition): Relation =>
  relationOf(version, usedColumns(version, conditionColumns(condition)), conditionSql(version, condition));

/** The positions of the rows that match, in order. */
async function matching(
  engine: DataEngine,
  version: Version,
  condition: Condition,
  { signal }: RunContext,
): Promise<number[]> {
  const rows: number[] = [];
  const sql = `SELECT "row"::DOUBLE FROM ${matchesOf(version, condition).from} ORDER BY "row"`;
  for await (const chunk of engine.database.stream(sql, [], signal)) {
    for (const row of chunk.getColumnValues(0)) rows.push(Number(row));
  }
  return rows;
}

async function page(
  engine: DataEngine,
  version: Version,
  condition: Condition,
  rows: readonly number[],
  { columns: names, start = 0, end, limit }: z.output<typeof params>,
  { signal }: RunContext,
): Promise<Table> {
  const columns = columnsOf(version, names);
  const most = pageLimit(engine.services.pageRows, columns.length);
  const last = Math.min(end ?? rows.length, rows.length, limit === undefined ? Infinity : start + limit);
  const upTo = Math.min(Math.max(start, last), start + most);
  const wanted = rows.slice(start, upTo);
  const sources = [...columns, ...(version.index ? [version.index.source] : [])];
  const isAtHand = wanted.length < fewRows || sources.every((source) => engine.reader.isAtHand(source));
  const table = isAtHand
    ? await tablePage(engine, version, columns, wanted, signal)
    : await selected(engine, version, condition, columns, wanted, signal);
  return { ...table, ...cut(upTo < last, upTo) };
}
