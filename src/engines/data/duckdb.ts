/**
 * DuckDB's library. It comes with the first table: loading it takes as long as all else that a server does before it
 * answers, and many servers hold no table.
 */
import type * as Library from '@duckdb/node-api';

let library: typeof Library | null = null;

export async function loadDuckdb(): Promise<typeof Library> {
  library ??= await import('@duckdb/node-api');
  return library;
}

/** For who handles what a database gave. */
export function duckdb(): typeof Library {
  if (!library) throw new Error('DuckDB was not loaded: no database is open.');
  return library;
}
