/**
 * One DuckDB, for a session and the forks that share its tables. It may reach the data roots, its own folder and the
 * workspaces it was told of, and nothing else: no network, no extensions, no change of its settings.
 */
import { setMaxListeners } from 'node:events';
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  DuckDBResult,
  DuckDBValue,
} from '@duckdb/node-api';
import { errors, SojournError } from '../../types/errors.js';
import type { Disposable, IFiles } from '../../types/ports.js';
import { cellsOf } from './cells.js';
import type { Cell } from './cells.js';
import { duckdb } from './duckdb.js';
import { Lanes } from './lanes.js';
import type { QueryPool } from './query-pool.js';
import { textList } from './sql-text.js';

export interface DatabaseOptions {
  /** Its own folder, which is made, and removed at its end. */
  readonly folder: string;
  /** Folders whose files it may read or write. */
  readonly reachable: readonly string[];
  readonly memoryBytes: number;
  readonly threads: number;
  readonly pool: QueryPool;
  /** Called when it is gone. */
  readonly onClose?: () => void;
  readonly files: IFiles;
}

export type SqlValue = DuckDBValue;

/** The answer to a query, column by column. */
export interface ColumnarAnswer {
  readonly names: readonly string[];
  /** As DuckDB writes them. */
  readonly types: readonly string[];
  readonly columns: readonly (readonly Cell[])[];
  readonly rows: number;
}

export class Database implements Disposable {
  private readonly idle: DuckDBConnection[] = [];
  private readonly lanes: Lanes;
  private readonly busy = new Set<DuckDBConnection>();
  private holders = 1;
  private tables = 0;
  private memory = 0;
  private closed = false;

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly options: DatabaseOptions,
  ) {
    this.lanes = new Lanes(options.pool.perDatabase);
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const { folder, files, memoryBytes, threads } = options;
    await files.makeDirectory(folder, 0o700);
    const instance = await duckdb().DuckDBInstance.create(':memory:', {
      memory_limit: `${Math.ceil(memoryBytes / 1024)}KiB`,
      temp_directory: `${folder}/spill`,
      threads: String(threads),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      default_null_order: 'nulls_last',
    });
    const database = new Database(instance, options);
    const reachable = [...options.reachable, folder];
    await database.run(`SET allowed_directories = ${textList(reachable)};
      SET enable_external_access = false; SET TimeZone = 'UTC'; SET lock_configuration = true`);
    return database;
  }

  get folder(): string {
    return this.options.folder;
  }

  /** A name for a new table. */
  newTable(): string {
    this.tables += 1;
    return `s${this.tables}`;
  }

  /** Names of new tables come after this one. */
  tablesBegin(after: number): void {
    this.tables = Math.max(this.tables, after);
  }

  /** One more session uses it. */
  retain(): this {
    this.holders += 1;
    return this;
  }

  /** A statement whose answer does not matter. @throws as `read` */
  async run(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<void> {
    await this.use(signal, async (connection) => {
      await connection.run(sql, [...values]);
    });
  }

  /**
   * @throws data_error in DuckDB's words · limit_exceeded when the memory does not suffice · timeout when `signal`
   * stopped it · closed
   */
  async read(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<ColumnarAnswer> {
    return this.use(signal, async (connection) => collect(await connection.stream(sql, [...values])));
  }

  /** The first row of an answer. */
  async row(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<readonly Cell[]> {
    const { columns } = await this.read(sql, values, signal);
    return columns.map(([first]) => first ?? null);
  }

  /**
   * An answer of any length, as it comes; 2048 rows at most in each piece. Who takes its time with it holds up nobody
   * else.
   */
  async *stream(
    sql: string,
    values: readonly SqlValue[] = [],
    signal?: AbortSignal,
  ): AsyncGenerator<DuckDBDataChunk> {
    const held = await this.hold(signal);
    try {
      const result = await this.inLane(() => held.connection.stream(sql, [...values]));
      for (;;) {
        const chunk = await this.inLane(() => result.fetchChunk());
        if (!chunk || chunk.rowCount === 0) return;
        yield chunk;
      }
    } catch (error) {
      throw this.translated(error, signal);
    } finally {
      held.release();
    }
  }

  /** For work that needs a connection of its own, such as appending. */
  async use<T>(
    signal: AbortSignal | undefined,
    work: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    const held = await this.hold(signal);
    try {
      return await this.inLane(() => work(held.connection));
    } catch (error) {
      throw this.translated(error, signal);
    } finally {
      held.release();
    }
  }

  /** Bytes of memory that its tables and caches take, as DuckDB itself counts them by a query. */
  async measure(): Promise<number> {
    const [bytes] = await this.row('SELECT sum(memory_usage_bytes)::DOUBLE FROM duckdb_memory()');
    this.memory = Number(bytes ?? 0);
    return this.memory;
  }

  /** What was measured last, for each of those that use it. */
  get memoryShare(): number {
    return Math.ceil(this.memory / Math.max(1, this.holders));
  }

  /** One session less uses it; with the last one it is gone, its folder too. */
  async dispose(): Promise<void> {
    this.holders -= 1;
    if (this.holders > 0 || this.closed) return;
    this.closed = true;
    for (const connection of this.busy) connection.interrupt();
    await this.lanes.close(errors.closed('The data session'));
    for (const connection of this.idle.splice(0)) connection.closeSync();
    this.instance.closeSync();
    this.options.onClose?.();
    await this.options.files.remove(this.options.folder);
  }

  /** A connection for one piece of work, which ends when `signal` says so. */
  private async hold(
    signal: AbortSignal | undefined,
  ): Promise<{ connection: DuckDBConnection; release(): void }> {
    if (signal?.aborted === true) throw stopped(signal);
    if (this.closed) throw errors.closed('The data session');
    const connection = this.idle.pop() ?? (await this.instance.connect());
    this.busy.add(connection);
    const stop = () => connection.interrupt();
    // One signal stops all queries of an operation, however many they are.
    if (signal) setMaxListeners(0, signal);
    signal?.addEventListener('abort', stop, { once: true });
    const release = () => {
      signal?.removeEventListener('abort', stop);
      this.busy.delete(connection);
      if (this.closed) connection.closeSync();
      else this.idle.push(connection);
    };
    return { connection, release };
  }

  /** Work on a thread of the pool, which all sessions and all else that waits for the machine share. */
  private async inLane<T>(work: () => Promise<T>): Promise<T> {
    const leaveOwn = await this.lanes.enter();
    try {
      const leave = await this.options.pool.lanes.enter();
      try {
        if (this.closed) throw errors.closed('The data session');
        return await work();
      } finally {
        leave();
      }
    } finally {
      leaveOwn();
    }
  }

  private translated(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof SojournError) return error;
    if (this.closed) return errors.closed('The data session');
    if (signal?.aborted === true) return stopped(signal);
    const message = error instanceof Error ? error.message : String(error);
    if (/^Out of Memory Error/i.test(message)) {
      const detail = `The data does not fit: data.memory_bytes (${this.options.memoryBytes}) raises what a session may take. ${firstLine(message)}`;
      return new SojournError('limit_exceeded', detail, { limit: 'memory', setting: 'data.memory_bytes' });
    }
    return new SojournError('data_error', firstLine(message), {}, { cause: error });
  }
}

const firstLine = (message: string): string => message.split('\n')[0] ?? message;

const stopped = (signal: AbortSignal): SojournError =>
  new SojournError('timeout', `The work on the data was stopped (${String(signal.reason)}).`);

async function collect(result: DuckDBResult): Promise<ColumnarAnswer> {
  const names = result.columnNames();
  const types = result.columnTypes().map((type) => type.alias ?? type.toString());
  const columns: Cell[][] = names.map(() => []);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return { names, types, columns, rows };
    rows += chunk.rowCount;
    columns.forEach((cells, at) => {
      for (const cell of cellsOf(chunk, at, types[at] ?? '')) cells.push(cell);
    });
  }
}
