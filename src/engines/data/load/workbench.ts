/**
 * What one load works with: the tables that it makes on the way and drops at its end, the files it has read, and
 * what it has to tell.
 */
import type { Disposable } from '../../../types/ports.js';
import type { Database, SqlValue } from '../database.js';
import { ConfinedPaths } from './confined-paths.js';
import type { FoundFile, NamedBy } from './confined-paths.js';
import { loadErrors } from './load-errors.js';
import type { LoadContext, SourceFile } from './loaded.js';

export class Workbench implements Disposable {
  readonly paths: ConfinedPaths;
  readonly warnings: string[] = [];
  private readonly read = new Map<string, SourceFile>();
  private readonly tables = new Set<string>();

  constructor(readonly context: LoadContext) {
    const { files, roots, environment = {} } = context;
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

  async dispose(): Promise<void> {
    for (const table of [...this.tables]) await this.drop(table);
  }
}
