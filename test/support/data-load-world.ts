/** A folder with data, and a database of its own that loads from it. */
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { silentLog, systemClock, systemFiles } from '../../src/core/system.js';
import type { Cell } from '../../src/engines/data/cells.js';
import { queryPool } from '../../src/engines/data/query-pool.js';
import { Database } from '../../src/engines/data/database.js';
import { loadTable } from '../../src/engines/data/load/load-table.js';
import type { LoadContext, LoadedTable, LoadRequest } from '../../src/engines/data/load/loaded.js';
import type { ErrorCode, SojournError } from '../../src/types/errors.js';
import { isSojournError } from '../../src/types/errors.js';
import { temporaryFolder } from './temporary-folder.js';

export interface LoadWorld {
  /** The only data root. */
  readonly root: string;
  readonly context: LoadContext;
  /** What was told while loading. */
  readonly told: string[];
  /** Writes a file below the root, or anywhere when the path is absolute. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  load(request: LoadRequest, context?: Partial<LoadContext>): Promise<LoadedTable>;
  /** A table that is loaded from one csv text. */
  csv(content: string | Uint8Array, keys?: Record<string, Cell>): Promise<Shown>;
  /** A table that is loaded from one interface text. */
  yaml(content: string): Promise<Shown>;
  show(loaded: LoadedTable): Promise<Shown>;
  /** Tables that are in the database now. */
  tables(): Promise<string[]>;
  close(): Promise<void>;
}

/** A loaded table by its names. */
export interface Shown {
  readonly loaded: LoadedTable;
  readonly shape: [number, number];
  readonly columns: string[];
  readonly types: Record<string, string>;
  readonly cells: Record<string, Cell[]>;
  /** The labels of the session's index. */
  readonly indices: Cell[];
  /** The cell of a label; of the first of its rows where there are several. */
  at(label: Cell, column: string): Cell;
}

export async function loadWorld(): Promise<LoadWorld> {
  const root = await realpath(await temporaryFolder('data-root'));
  const folder = await temporaryFolder('data-scratch');
  const database = await Database.open({
    folder: join(folder, 'db'),
    reachable: [root],
    memoryBytes: 2 ** 29,
    threads: 2,
    pool: queryPool(4),
    files: systemFiles,
  });
  const told: string[] = [];
  const context: LoadContext = {
    database,
    roots: [root],
    files: systemFiles,
    clock: systemClock,
    log: silentLog,
    signal: new AbortController().signal,
    progress: (message) => void told.push(message),
  };
  const write = async (name: string, content: string | Uint8Array) => {
    const path = name.startsWith('/') ? name : join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  };
  const load: LoadWorld['load'] = (request, changes) => loadTable(request, { ...context, ...changes });
  const show = (loaded: LoadedTable) => shown(database, loaded);
  return {
    root,
    context,
    told,
    write,
    load,
    show,
    csv: async (content, keys = {}) => {
      await write('table.csv', content);
      return show(await load({ data_source: { type: 'csv', filename: 'table.csv', ...keys } }));
    },
    yaml: async (content) => {
      await write('table.yml', content);
      return show(await load({ interface_file: 'table.yml' }));
    },
    tables: async () => {
      const { columns } = await database.read('SELECT table_name FROM duckdb_tables() ORDER BY 1');
      return (columns[0] ?? []).map(String);
    },
    close: () => database.dispose(),
  };
}

async function shown(database: Database, loaded: LoadedTable): Promise<Shown> {
  const { store, index, inIndex } = loaded;
  const { columns } = await database.read(`SELECT * FROM ${store.table} ORDER BY rowid`);
  const cellsOf = (field: string) => [
    ...(columns[store.fields.findIndex((one) => one.field === field)] ?? []),
  ];
  const typeOf = (field: string) => store.fields.find((one) => one.field === field)?.type ?? '';
  const cells = Object.fromEntries(loaded.columns.map(({ name, field }) => [name, cellsOf(field)]));
  const labels = index ? cellsOf(index.field) : Array.from({ length: store.rows }, (_, at) => at);
  const member = inIndex === null ? null : cellsOf(inIndex);
  const indices = [...new Set(labels.filter((_label, at) => member === null || member[at] === true))];
  return {
    loaded,
    shape: [store.rows, loaded.columns.length],
    columns: loaded.columns.map(({ name }) => name),
    types: Object.fromEntries(loaded.columns.map(({ name, field }) => [name, typeOf(field)])),
    cells,
    indices,
    at: (label, column) => cells[column]?.[labels.indexOf(label)] ?? null,
  };
}

/** That it fails with this code; gives the error. */
export async function failure(work: Promise<unknown>, code: ErrorCode): Promise<SojournError> {
  let thrown: unknown;
  try {
    await work;
  } catch (error) {
    thrown = error;
  }
  if (thrown instanceof Error && !isSojournError(thrown)) throw thrown;
  if (!isSojournError(thrown)) throw new Error(`Nothing failed; ${code} was expected.`);
  expect(thrown.code, thrown.detail).to.equal(code);
  return thrown;
}
