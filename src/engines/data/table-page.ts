/** Rows of a version as an answer: a page that is never so large that making its JSON would hold up others. */
import { recordMaker } from './analysis/answers.js';
import type { Table } from './analysis/table.js';
import type { Cell } from './cells.js';
import { pieceRows } from './column-cache.js';
import type { ColumnReader } from './column-reader.js';
import type { Database } from './database.js';
import { dtypesOf } from './dtypes.js';
import { columnOf } from './version.js';
import type { CellSource, Column, Version } from './version.js';

/** More pieces of columns than this are not fetched whole for one page. */
const fetchedPieces = 24;

export interface PageSource {
  readonly database: Database;
  readonly reader: ColumnReader;
}

/** Rows of a page: neighbours, or single ones. */
export type PageRows = { readonly start: number; readonly end: number } | readonly number[];

export function columnsOf(version: Version, names?: readonly string[]): readonly Column[] {
  return names ? names.map((name) => columnOf(version, name)) : version.columns;
}

export async function tablePage(
  from: PageSource,
  version: Version,
  columns: readonly Column[],
  rows: PageRows,
  signal?: AbortSignal,
): Promise<Table> {
  const { indices, cells } = await columnPage(from, version, columns, rows, signal);
  const names = columns.map(({ name }) => name);
  const make = recordMaker(names);
  return {
    columns: names,
    indices,
    records: indices.map((_label, row) => make(cells.map((column) => column[row] ?? null))),
    shape: [indices.length, columns.length],
    dtypes: dtypesOf(columns),
  };
}

export interface ColumnPage {
  /** The labels of the rows. */
  readonly indices: readonly Cell[];
  /** By column. */
  readonly cells: readonly (readonly Cell[])[];
}

/** The same, column by column. */
export async function columnPage(
  from: PageSource,
  version: Version,
  columns: readonly Column[],
  rows: PageRows,
  signal?: AbortSignal,
): Promise<ColumnPage> {
  const labels = version.index?.source;
  const sources: CellSource[] = [...columns, ...(labels ? [labels] : [])];
  const cells = await readCells(from, sources, rows, signal);
  const indices = labels ? (cells.pop() ?? []) : rowNumbers(rows);
  columns.forEach((column, at) => {
    patchCells(cells[at] ?? [], version.patches.get(column.name), rows);
  });
  return { indices, cells };
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
