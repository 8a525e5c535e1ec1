/** Cells that came from a client, as a store of their own. */
import type { DuckDBValue } from '@duckdb/node-api';
import { appendRows } from './append.js';
import { typeOfCells } from './cell-types.js';
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { describeStore, fieldName } from './store.js';
import type { Store } from './store.js';

/** Writes columns of equal length; each gets the type that its cells have. */
export async function storeOfCells(
  database: Database,
  columns: readonly (readonly Cell[])[],
  signal?: AbortSignal,
): Promise<Store> {
  const table = database.newTable();
  const types = columns.map((cells) => typeOfCells(cells));
  const fields = types.map((type, place) => `${fieldName(place)} ${type}`).join(', ');
  const rows = columns[0]?.length ?? 0;
  const fetch = (from: number, count: number) =>
    Promise.resolve(
      columns.map((cells, at) => valuesOf(cells.slice(from, from + count), types[at] ?? 'VARCHAR')),
    );
  await database.run(`CREATE TABLE ${table} (${fields})`, [], signal);
  await appendRows(database, { table, types, rows, fetch }, signal);
  return describeStore(database, table, types, signal);
}

function valuesOf(cells: readonly Cell[], type: string): DuckDBValue[] {
  if (type === 'JSON') return cells.map((cell) => (cell === null ? null : JSON.stringify(cell)));
  if (type === 'BIGINT') return cells.map((cell) => (typeof cell === 'number' ? BigInt(cell) : null));
  return cells.map((cell) => (typeof cell === 'object' ? null : cell));
}
