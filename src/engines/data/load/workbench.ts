/**
 * What one load works with: the tables that it makes on the way and drops at its end, the files it has read, and
 * what it has to tell.
 */
import { SojournError } from '../../../types/errors.js';
import type { Disposable } from '../../../types/ports.js';
import type { Database, SqlValue } from '../database.js';
import { ConfinedPaths } from './confined-paths.js';
import type { FoundFile, NamedBy } from './confined-paths.js';
import { loadErrors } from './load-errors.js';
import type { LoadContext, SourceFile } from './loaded.js';
import { JobRunner } from './parsing/job-runner.js';

/** Bytes of a file that JavaScript parses. */
const parsedBytesMax = 64 * 2 ** 20;

export class Workbench implements Disposable {
  readonly paths: ConfinedPaths;
  readonly jobs: JobRunner;
  readonly warnings: string[] = [];
  private readonly read = new Map<string, SourceFile>();
  private readonly tables = new Set<string>();

  constructor(readonly context: LoadContext) {
    const { files, roots, environment = {}, clock, signal } = context;
    this.jobs = new JobRunner(clock, signal);
    this.paths = new ConfinedPaths({ files, roots, environment });
  }

  get database(): Database {
    return this.context.database;
  }
  get sources(): readonly SourceFile[] {
    return [...this.read.values()];
  }

  /** A table with the answer to a query, dropped at the end unless it is kept. */
  async create(sql: string, values: readonly SqlValue[] = []): Promise<string> {
    const table = this.newTable();
    await this.database.run(`CREATE TABLE ${table} AS ${sql}`, values, this.context.signal);
    return table;
  }

  /** A name for a table that is dropped at the end. */
  newTable(): string {
    const table = this.database.newTable();
    this.tables.add(table);
    return table;
  }

  /** The table belongs to the session from now on. */
  keep(table: string): void {
    this.tables.delete(table);
  }

  /** @param from a table, or what stands behind FROM */
  async rowsIn(from: string): Promise<number> {
    const sql = `SELECT count(*)::DOUBLE FROM ${from}`;
    const [rows] = await this.database.row(sql, [], this.context.signal);
    return Number(rows);
  }

  async drop(table: string): Promise<void> {
    await this.database.run(`DROP TABLE IF EXISTS ${table}`);
    this.tables.delete(table);
  }

  /** A file with data, remembered as a source; null when it is not there. */
  async lookFor(path: string, by: NamedBy = 'file'): Promise<FoundFile | null> {
    const found = await this.paths.find(path, by);
    if (found) {
      const { size, mtimeMs } = found.stat;
      this.read.set(found.path, { path: found.path, size, mtime_ms: mtimeMs });
    }
    return found;
  }

  /** @throws interface_invalid when it is not there */
  async find(path: string, by: NamedBy = 'file'): Promise<FoundFile> {
    const found = await this.lookFor(path, by);
    if (!found) throw loadErrors.missing(path);
    return found;
  }

  /**
   * A whole file, for what parses in JavaScript.
   * @throws limit_exceeded when it is too large for that
   */
  async bytes(found: FoundFile): Promise<Uint8Array> {
    if (found.stat.size > parsedBytesMax)
      throw new SojournError(
        'limit_exceeded',
        `'${found.path}' has ${found.stat.size} bytes; files of its kind are read up to ${parsedBytesMax}. Convert it to csv or parquet.`,
        { limit: 'bytes', value: parsedBytesMax },
      );
    return this.context.files.read(found.path);
  }

  /** @throws as `bytes` · data_error for what is no UTF-8 */
  async text(found: FoundFile): Promise<string> {
    const bytes = await this.bytes(found);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      const { path } = found;
      throw loadErrors.data(`'${path}' is not valid UTF-8; convert it to UTF-8 first.`, { path }, error);
    }
  }

  async dispose(): Promise<void> {
    await this.jobs.dispose();
    try {
      for (const table of [...this.tables]) await this.drop(table);
    } catch (error) {
      // A database that is closed meanwhile has no tables any more; what made the load fail is told, not this.
      this.context.log.debug({ err: error }, 'tables of a load were not dropped');
    }
  }
}

/** For one piece of work, after which nothing is left of it but what was kept. */
export async function atBench<T>(context: LoadContext, work: (bench: Workbench) => Promise<T>): Promise<T> {
  const bench = new Workbench(context);
  try {
    return await work(bench);
  } finally {
    await bench.dispose();
  }
}
