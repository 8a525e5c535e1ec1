/** Cells that came from a client, as a store of their own. */
import { nextTurn } from './turns.js';
import { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { typeOfCells } from './cell-types.js';
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { describeStore, fieldName } from './store.js';
import type { Store } from './store.js';

/** As many as DuckDB takes at a time. */
const chunkRows = 2048;

const types: Readonly<Record<string, DuckDBType>> = { BIGINT, BOOLEAN, DOUBLE, VARCHAR, JSON: VARCHAR };

/** Writes columns of equal length; each gets the type that its cells have. */
export async function storeOfCells(
  database: Database,
  columns: readonly (readonly Cell[])[],
  signal?: AbortSignal,
): Promise<Store> {
  const table = database.newTable();
  const typed = columns.map((cells) => ({ cells, type: typeOfCells(cells) }));
  const fields = typed.map(({ type }, place) => `${fieldName(place)} ${type}`).join(', ');
  const rows = columns[0]?.length ?? 0;
  await database.use(signal, async (connection) => {
    await connection.run(`CREATE TABLE ${table} (${fields})`);
    const appender = await connection.createAppender(table);
    for (let start = 0; start < rows; start += chunkRows) {
      const chunk = DuckDBDataChunk.create(typed.map(({ type }) => types[type] ?? VARCHAR));
      chunk.setColumns(typed.map(({ cells, type }) => valuesOf(cells.slice(start, start + chunkRows), type)));
      appender.appendDataChunk(chunk);
      appender.flushSync();
      // A turn of the event loop between two chunks.
      await nextTurn();
    }
    appender.closeSync();
  });
  return describeStore(
    database,
    table,
    typed.map(({ type }) => type),
    signal,
  );
}

function valuesOf(cells: readonly Cell[], type: string): DuckDBValue[] {
  if (type === 'JSON') return cells.map((cell) => (cell === null ? null : JSON.stringify(cell)));
  if (type === 'BIGINT') return cells.map((cell) => (typeof cell === 'number' ? BigInt(cell) : null));
  return cells.map((cell) => (typeof cell === 'object' ? null : cell));
}
