/** Rows of a version as an answer: records with their labels, types and shape. */
import { nextTurn } from '../turns.js';
import { z } from 'zod';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { cellsOf } from '../cells.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import { dtypesOf } from '../dtypes.js';
import { refOf, relationOf } from '../relation.js';
import type { Version } from '../version.js';
import { columnOf } from '../version.js';
import { labelType } from './target.js';
import { cellsSchema, cut, cutShape, dtypesSchema, pageLimit } from './answers.js';
import { recordMaker, recordsSchema, shapeOf, shapeSchema } from './answers.js';
import type { CellRecord } from './answers.js';

export const tableSchema = z.object({
  columns: z.array(z.string()),
  indices: cellsSchema.describe('The labels of the rows.'),
  records: recordsSchema,
  shape: shapeSchema,
  dtypes: dtypesSchema,
  ...cutShape,
});
export type Table = z.output<typeof tableSchema>;

/** Rows by position, in this order; or all rows of a relation that holds the columns, in theirs when none is said. */
export type TableRows = readonly number[] | { readonly from: string; readonly order?: string | undefined };

export interface TableOptions {
  /** All when left out. */
  readonly columns?: readonly string[] | undefined;
  readonly start?: number | undefined;
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws column_not_found, and as `Database.read` */
export async function tableOf(
  engine: DataEngine,
  version: Version,
  rows: TableRows,
  { columns, start = 0, limit, signal }: TableOptions = {},
): Promise<Table> {
  const names = columns ? [...new Set(columns)] : version.columns.map(({ name }) => name);
  const most = pageLimit(engine.services.pageRows, names.length, limit);
  const refs = names.map((name) => refOf(version, name));
  const select = ['"row"::DOUBLE', 'label', ...refs].join(', ');
  const layout = {
    names,
    types: ['DOUBLE', labelType(version), ...names.map((name) => columnOf(version, name).type)],
  };
  const read = (tail: string) => rowsOf(engine, `SELECT ${select} FROM ${tail}`, layout, signal);
  let found: readonly TableRow[];
  let more: boolean;
  if ('from' in rows) {
    // Never left out: where cells were set one by one, rows come as the join of them with the table has them.
    found = await read(`${rows.from} ORDER BY ${rows.order ?? '"row"'} LIMIT ${most + 1} OFFSET ${start}`);
    more = found.length > most;
  } else {
    const wanted = rows.slice(start, start + most);
    found = wanted.length === 0 ? [] : inOrder(wanted, await read(byPosition(version, names, wanted)));
    more = rows.length > start + most;
  }
  const page = found.slice(0, most);
  return {
    columns: names,
    indices: page.map(({ label }) => label),
    records: page.map(({ record }) => record),
    shape: shapeOf(page.length, names.length),
    dtypes: dtypesOf(names.map((name) => columnOf(version, name))),
    ...cut(more, start + page.length),
  };
}

const byPosition = (version: Version, names: readonly string[], rows: readonly number[]): string =>
  relationOf(version, names, `"row" IN (${rows.map(Math.trunc).join(', ')})`).from;

interface TableRow {
  readonly row: Cell;
  readonly label: Cell;
  readonly record: CellRecord;
}

function inOrder(wanted: readonly number[], found: readonly TableRow[]): TableRow[] {
  const byRow = new Map(found.map((one) => [one.row, one]));
  return wanted.flatMap((row) => byRow.get(Math.trunc(row)) ?? []);
}

async function rowsOf(
  engine: DataEngine,
  sql: string,
  { names, types }: { readonly names: readonly string[]; readonly types: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  const make = recordMaker(names);
  for await (const chunk of engine.database.stream(sql, [], signal)) {
    const [places = [], labels = [], ...columns] = await columnsOf(chunk, types);
    for (let at = 0; at < chunk.rowCount; at += 1) {
      const record = make(columns.map((cells) => cells[at] ?? null));
      rows.push({ row: places[at] ?? null, label: labels[at] ?? null, record });
      if (at % pieceRows(names.length) === 0) await nextTurn();
    }
  }
  return rows;
}

/**
 * The cells of a chunk, column by column, some thousand at a time.
 * @param types of its columns, as DuckDB writes them
 */
export async function columnsOf(chunk: DuckDBDataChunk, types: readonly string[]): Promise<Cell[][]> {
  const columns: Cell[][] = [];
  const atOnce = pieceRows(chunk.rowCount);
  for (let column = 0; column < chunk.columnCount; column += 1) {
    columns.push(cellsOf(chunk, column, types[column] ?? ''));
    if (column % atOnce === atOnce - 1) await nextTurn();
  }
  return columns;
}

const pieceRows = (cellsEach: number): number => Math.max(1, Math.ceil(pieceCells / Math.max(1, cellsEach)));
const pieceCells = 8_000;
