/**
 * DuckDB's library. It comes with the first table: loading it takes as long as half of all else that a server does
 * before it answers, and many servers hold no table.
 */
import { createRequire } from 'node:module';
import type * as Library from '@duckdb/node-api';

let library: typeof Library | null = null;

export function duckdb(): typeof Library {
  library ??= createRequire(import.meta.url)('@duckdb/node-api') as typeof Library;
  return library;
}
