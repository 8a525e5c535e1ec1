/** A data session's table without a server: a real DuckDB in a folder of its own, filled by SQL. */
import { join } from 'node:path';
import { z } from 'zod';
import { silentLog, systemClock, systemFiles, systemIds } from '../../src/core/system.js';
import { analysisOperations } from '../../src/engines/data/analysis/operations.js';
import { DataEngine, noFocus } from '../../src/engines/data/data-engine.js';
import { ColumnCache } from '../../src/engines/data/column-cache.js';
import { emptyOrigin } from '../../src/engines/data/origin.js';
import { queryPool } from '../../src/engines/data/query-pool.js';
import { Database } from '../../src/engines/data/database.js';
import type { DataServices } from '../../src/engines/data/services.js';
import { writeStore } from '../../src/engines/data/store.js';
import type { Version } from '../../src/engines/data/version.js';
import type { RunContext } from '../../src/types/engine.js';
import { temporaryFolder } from './temporary-folder.js';

export interface TableOptions {
  /** Of the columns of the SQL: which one holds the labels. */
  readonly index?: string;
  readonly services?: Partial<DataServices>;
  readonly memoryBytes?: number;
  /** Instead of the names in the SQL, of which DuckDB does not tell `a` from `A`. */
  readonly names?: readonly string[];
}

export interface DataTable {
  readonly engine: DataEngine;
  readonly version: Version;
  /** Calls an operation as the catalogue would: what it is given is parsed, and so is what it answers. */
  call(
    name: string,
    params?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A version whose columns are those of a query. */
export async function versionOf(
  database: Database,
  sql: string,
  { index, names }: Pick<TableOptions, 'index' | 'names'> = {},
): Promise<Version> {
  const described = await database.read(`DESCRIBE ${sql}`);
  const store = await writeStore(database, sql);
  const columns = (names ?? described.columns[0]!.map(String)).map((name, at) => {
    const { field, type, nulls } = store.fields[at]!;
    return { name, store, field, type, nullable: nulls > 0, section: 'input' as const };
  });
  const labels = columns.find(({ name }) => name === index);
  return {
    seq: 0,
    parent: null,
    operation: 'load',
    rows: store.rows,
    columns: columns.filter((column) => column !== labels),
    index: labels ? { name: labels.name, source: labels } : null,
    rowSource: columns[0]!,
    inIndex: null,
    inSeries: null,
    patches: new Map(),
  };
}

export async function openTable(sql: string, options: TableOptions = {}): Promise<DataTable> {
  const folder = await temporaryFolder('data');
  const memoryBytes = options.memoryBytes ?? 1 << 30;
  const database = await Database.open({
    folder: join(folder, 'db'),
    reachable: [folder],
    memoryBytes,
    threads: 2,
    pool: queryPool(4),
    files: systemFiles,
  });
  const services: DataServices = {
    files: systemFiles,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
    roots: [folder],
    scratch: folder,
    memoryBytes,
    threads: 2,
    cache: new ColumnCache(1 << 26),
    pool: queryPool(4),
    pageRows: 10_000,
    joinRows: 1_000_000,
    loadTimeoutMs: 0,
    sqlTimeoutMs: 10_000,
    ...options.services,
  };
  const version = await versionOf(database, sql, options);
  const context = {
    sessionId: 'table',
    uid: 'table',
    family: 'table',
    epoch: 0,
    workspace: folder,
    log: silentLog,
    emit: () => {},
    died: () => {},
  };
  const engine = new DataEngine(database, services, context, {});
  engine.adopt({ version, focus: noFocus, origin: emptyOrigin });
  return {
    engine,
    version,
    call: (name, params = {}, signal) => callOn(engine, name, params, signal),
    close: () => engine.dispose(),
  };
}

const answerSchema = z.record(z.string(), z.unknown());

async function callOn(
  engine: DataEngine,
  name: string,
  params: Record<string, unknown>,
  signal = new AbortController().signal,
): Promise<Record<string, unknown>> {
  const operation = analysisOperations.find((one) => one.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  const run: RunContext = { signal, inputSeq: 0, emit: () => {} };
  const answer = await operation.run(engine, operation.params.parse(params), run);
  return answerSchema.parse(operation.result.parse(answer));
}

/** The people of the specification's examples. */
export const people = `SELECT * FROM (VALUES
  ('Ada', 36, 'London', 'ada@example.org', true),
  ('Alan', 41, 'Manchester', NULL, false),
  ('Grace', 85, 'New York', 'grace@example.org', true),
  ('Edsger', 72, 'Nuenen', 'ewd@example.org', true)) t(name, age, city, email, active)`;
