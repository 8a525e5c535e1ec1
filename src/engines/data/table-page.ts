/** Rows of a version as an answer: a page that is never so large that making its JSON would hold up others. */
import { z } from 'zod';
import { cellsSchema, recordsSchema } from './analysis/answers.js';
import type { Cell } from './cells.js';
import { pieceRows } from './column-cache.js';
import type { ColumnReader } from './column-reader.js';
import type { Database } from './database.js';
import { dtypeOf } from './dtypes.js';
import { columnOf } from './version.js';
import type { CellSource, Column, Version } from './version.js';

/** Cells of one answer. */
export const pageCells = 200_000;
/** More pieces of columns than this are not fetched whole for one page. */
const fetchedPieces = 24;

export const tableSchema = z.object({
  columns: z.array(z.string()),
  /** The labels of the rows. */
  indices: cellsSchema,
  records: recordsSchema,
  /** Rows and columns of this answer. */
  shape: z.array(z.number().int()),
  /** As pandas names them. */
  dtypes: z.record(z.string(), z.string()),
  /** There is more than one answer holds: ask again from `next_start` on. */
  truncated: z.boolean().optional(),
  next_start: z.number().int().optional(),
});
export type TableAnswer = z.infer<typeof tableSchema>;

export interface PageSource {
  readonly database: Database;
  readonly reader: ColumnReader;
}

/** Rows of a page: neighbours, or single ones. */
export type PageRows = { readonly start: number; readonly end: number } | readonly number[];

/** How many rows with so many columns one answer may have. */
export const rowsPerPage = (columns: number, most: number): number =>
  Math.max(1, Math.min(most, Math.floor(pageCells / Math.max(1, columns))));

export function columnsOf(version: Version, names?: readonly string[]): readonly Column[] {
  return names ? names.map((name) => columnOf(version, name)) : version.columns;
}

export const dtypesOf = (columns: readonly Column[]): Record<string, string> =>
  Object.fromEntries(columns.map(({ name, type, nullable }) => [name, dtypeOf(type, nullable)]));

export async function tablePage(
  from: PageSource,
  version: Version,
  columns: readonly Column[],
  rows: PageRows,
  signal?: AbortSignal,
): Promise<TableAnswer> {
  const labels = version.index?.source;
  const sources: CellSource[] = [...columns, ...(labels ? [labels] : [])];
  const cells = await readCells(from, sources, rows, signal);
  const indices = labels ? (cells.pop() ?? []) : rowNumbers(rows);
  columns.forEach((column, at) => {
    patchCells(cells[at] ?? [], version.patches.get(column.name), rows);
  });
  const names = columns.map(({ name }) => name);
  return {
    columns: names,
    indices,
    records: recordsOf(names, cells, indices.length),
    shape: [indices.length, columns.length],
    dtypes: dtypesOf(columns),
  };
}

/** The cells of several columns, column by column. */
async function readCells(
  from: PageSource,
  sources: readonly CellSource[],
  rows: PageRows,
  signal?: AbortSignal,
): Promise<Cell[][]> {
  if (!('start' in rows))
    return Promise.all(sources.map((source) => from.reader.gather(source, rows, signal)));
  const { start, end } = rows;
  const pieces = Math.ceil(end / pieceRows) - Math.floor(start / pieceRows);
  const missing = sources.filter((source) => from.reader.peek(source, start) === undefined);
  const fetched =
    missing.length * pieces > fetchedPieces ? await fetchRange(from, missing, start, end, signal) : null;
  const read = (source: CellSource) => {
    const found = fetched?.get(source);
    return found ? Promise.resolve(found) : from.reader.range(source, start, end, signal);
  };
  return Promise.all(sources.map(read));
}

/** Just these rows of many columns, by one query for each store. */
async function fetchRange(
  { database }: PageSource,
  sources: readonly CellSource[],
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<Map<CellSource, Cell[]>> {
  const found = new Map<CellSource, Cell[]>();
  for (const store of new Set(sources.map((source) => source.store))) {
    const own = sources.filter((source) => source.store === store);
    const fields = own.map(({ field }, at) => `${field} AS x${at}`).join(', ');
    const range = `rowid >= ${start} AND rowid < ${end}`;
    const sql = `SELECT ${fields} FROM ${store.table} WHERE ${range} ORDER BY rowid`;
    const { columns } = await database.read(sql, [], signal);
    own.forEach((source, at) => found.set(source, [...(columns[at] ?? [])]));
  }
  return found;
}

function rowNumbers(rows: PageRows): number[] {
  if (!('start' in rows)) return [...rows];
  return Array.from({ length: Math.max(0, rows.end - rows.start) }, (_, at) => rows.start + at);
}

function patchCells(cells: Cell[], patches: ReadonlyMap<number, Cell> | undefined, rows: PageRows): void {
  if (!patches || patches.size === 0) return;
  for (let at = 0; at < cells.length; at += 1) {
    const row = 'start' in rows ? rows.start + at : (rows[at] ?? -1);
    if (patches.has(row)) cells[at] = patches.get(row) ?? null;
  }
}

function recordsOf(
  names: readonly string[],
  cells: readonly Cell[][],
  count: number,
): Record<string, Cell>[] {
  const records = new Array<Record<string, Cell>>(count);
  for (let row = 0; row < count; row += 1) {
    const record: Record<string, Cell> = {};
    for (let at = 0; at < names.length; at += 1) {
      const name = names[at] ?? '';
      const cell = cells[at]?.[row] ?? null;
      // A plain assignment of this name would set the prototype.
      if (name === '__proto__') Object.defineProperty(record, name, { value: cell, enumerable: true });
      else record[name] = cell;
    }
    records[row] = record;
  }
  return records;
}
