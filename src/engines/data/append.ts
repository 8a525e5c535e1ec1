/** Puts cells into a table of the database, some at a time, so that nobody is held up by many of them. */
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Database } from './database.js';
import { duckdb } from './duckdb.js';
import { nextTurn } from './turns.js';

/** As many as DuckDB takes at a time. */
const rowsAtOnce = 2048;
/** They take some milliseconds of the event loop. */
const cellsAtOnce = 8192;

function storedAs(type: string): DuckDBType {
  const { BIGINT, BOOLEAN, DOUBLE, HUGEINT, VARCHAR } = duckdb();
  const stored: Readonly<Record<string, DuckDBType>> = { BIGINT, BOOLEAN, DOUBLE, HUGEINT };
  return stored[type] ?? VARCHAR;
}

export interface AppendedRows {
  /** Has a field for each of the types, and nothing else. */
  readonly table: string;
  /** As DuckDB writes them; what is not stored as itself is text. */
  readonly types: readonly string[];
  readonly rows: number;
  /** Column by column. */
  readonly fetch: (from: number, rows: number) => Promise<readonly (readonly DuckDBValue[])[]>;
}

/** @throws as `Database.read` */
export async function appendRows(
  database: Database,
  { table, types, rows, fetch }: AppendedRows,
  signal?: AbortSignal,
): Promise<void> {
  const step = Math.max(1, Math.min(rowsAtOnce, Math.floor(cellsAtOnce / Math.max(1, types.length))));
  await database.use(signal, async (connection) => {
    const appender = await connection.createAppender(table);
    // It is flushed in small pieces, which a transaction for each would make slow.
    await connection.run('BEGIN');
    try {
      for (let from = 0; from < rows; from += step) {
        signal?.throwIfAborted();
        const columns = await fetch(from, Math.min(step, rows - from));
        const chunk = duckdb().DuckDBDataChunk.create(types.map(storedAs));
        chunk.setColumns(columns);
        appender.appendDataChunk(chunk);
        appender.flushSync();
        await nextTurn();
      }
      appender.closeSync();
      await connection.run('COMMIT');
    } catch (error) {
      try {
        appender.closeSync();
      } finally {
        await connection.run('ROLLBACK');
      }
      throw error;
    }
  });
}
