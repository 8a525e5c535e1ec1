/** Values that were parsed here, put into a table of the database in pieces. */
import { appendRows } from '../append.js';
import type { AppendedRows } from '../append.js';
import { fieldName } from '../store.js';
import type { Frame } from './frame.js';
import { framed } from './frame-tables.js';
import type { MadeTable } from './parsing/jobs.js';
import type { TypedColumn, ValueColumn } from './parsing/value-table.js';
import { rowsOf, typedTable } from './parsing/value-table.js';
import type { Workbench } from './workbench.js';

/** Values that are in this thread already. */
export function frameOfValues(
  bench: Workbench,
  columns: readonly ValueColumn[],
  rows = rowsOf(columns),
): Promise<Frame> {
  const table = typedTable(columns, rows);
  return put(bench, table, (from, count) =>
    Promise.resolve(table.cells.map((cells) => cells.slice(from, from + count))),
  );
}

/** A table that the last job made. */
export const frameOfJob = (bench: Workbench, made: MadeTable): Promise<Frame> =>
  put(bench, made, (from, rows) => bench.jobs.run('piece', { from, rows }));

async function put(
  bench: Workbench,
  { columns, rows }: MadeTable,
  fetch: AppendedRows['fetch'],
): Promise<Frame> {
  if (columns.length === 0) return countedRows(bench, rows);
  const raw = bench.newTable();
  const fields = columns.map(({ stored }, at) => `${fieldName(at)} ${stored}`).join(', ');
  await bench.database.run(`CREATE TABLE ${raw} (${fields})`, [], bench.context.signal);
  const types = columns.map(({ stored }) => stored);
  await appendRows(bench.database, { table: raw, types, rows, fetch }, bench.context.signal);
  if (columns.every(({ stored, type }) => stored === type)) return framed(raw, columns);
  const casts = columns.map((column, at) => `${castOf(column, fieldName(at))} AS ${fieldName(at)}`);
  const table = await bench.create(`SELECT ${casts.join(', ')} FROM ${raw}`);
  await bench.drop(raw);
  return framed(table, columns);
}

/** Rows without any column. */
async function countedRows(bench: Workbench, rows: number): Promise<Frame> {
  const table = await bench.create(`SELECT NULL::JSON AS f0 FROM range(${rows})`);
  return framed(table, [], 1);
}

function castOf({ stored, type }: TypedColumn, field: string): string {
  if (stored === type) return field;
  return type === 'JSON' ? `${field}::JSON` : `${field}::JSON::${type}`;
}
