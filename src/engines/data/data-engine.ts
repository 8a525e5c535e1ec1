/**
 * The session kind `data`: a table that is loaded once and asked many times. Every change makes a new version; what
 * reads a version is not disturbed by what is written meanwhile.
 */
import type {
  CheckpointSource,
  EngineContext,
  ICapture,
  IEngine,
  IVersions,
  RestoreReport,
  RunContext,
} from '../../types/engine.js';
import { errors, SojournError } from '../../types/errors.js';
import type { NotKept } from '../../types/events.js';
import type { Cell } from './cells.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { WrittenStores } from './checkpoint.js';
import { ColumnReader } from './column-reader.js';
import type { Database } from './database.js';
import type { CellReads, Focus } from './focus.js';
import { loadFirst } from './first-version.js';
import type { First } from './first-version.js';
import type { Origin } from './origin.js';
import { emptyOrigin, factsOf, lookedAt, originSchema } from './origin.js';
import type { DataOptions } from './options.js';
import { RowFinder } from './row-finder.js';
import type { DataServices } from './services.js';
import { TableState } from './table-state.js';
import type { VersionChange } from './version-change.js';
import type { CellSource, Column, Version } from './version.js';
import { copyFolder } from './copy-folder.js';

export const noFocus: Focus = { index: null, column: null, selector: null, subindex: null };

/** Of the memory limit: from here on the log says that it is near. What is more goes to the disk. */
const nearShare = 0.8;
const measurePauseMs = 500;

export class DataEngine implements IEngine {
  readonly reader: ColumnReader;
  private readonly finder: RowFinder;
  private state: TableState | null = null;
  private focused: Focus = noFocus;
  private origin: Origin = emptyOrigin;
  private written: WrittenStores = new Map();
  private wasNear = false;
  /** On the monotonic clock. */
  private measureAt = 0;
  private told: { version: Version; origin: Origin; facts: Readonly<Record<string, unknown>> } | null = null;
  private closed = false;
  private readonly stopping = new AbortController();

  constructor(
    readonly database: Database,
    readonly services: DataServices,
    readonly context: EngineContext,
    private readonly options: DataOptions,
  ) {
    this.reader = new ColumnReader(database, services.cache);
    this.finder = new RowFinder(database, this.reader);
  }

  readonly versions: IVersions = {
    undo: (steps, atSeq) => this.moved(() => this.present.undo(steps, atSeq)),
    redo: (steps, atSeq) => this.moved(() => this.present.redo(steps, atSeq)),
    goto: (seq, atSeq) => this.moved(() => this.present.goto(seq, atSeq)),
  };

  /** Loads the table. @throws interface_invalid · file_not_found · data_error · limit_exceeded · timeout */
  async begin(): Promise<void> {
    this.assertOpen();
    this.adopt(await loadFirst(this.options, this, this.stopping.signal));
    await this.measure();
  }

  /** Begins with a table that was loaded. */
  adopt({ version, focus, origin }: First): void {
    this.state = TableState.of(version);
    this.focused = focus;
    this.origin = origin;
  }

  /** The table as it is now. */
  get version(): Version {
    return this.present.head;
  }

  /** @throws checkpoint_not_found */
  versionAt(seq: number): Version {
    return this.present.at(seq);
  }

  /** The table as it was when everything up to `seq` was written. */
  headAt(seq: number): Version {
    return this.present.headAt(seq);
  }

  get focus(): Focus {
    return this.focused;
  }

  /** True where an interface file says which columns are input, and not to be changed cell by cell. */
  get hasInterface(): boolean {
    return this.origin.interface_file !== null;
  }

  setFocus(focus: Focus): void {
    this.focused = focus;
  }

  /** Makes a version from the present one; the next reads see it. */
  async change(
    operation: string,
    context: RunContext,
    make: (version: Version) => Promise<VersionChange> | VersionChange,
  ): Promise<Version> {
    const from = this.version;
    const changed = await make(from);
    const made = { ...from, ...changed, seq: context.inputSeq, parent: from.seq, operation };
    this.present.add(made);
    this.measureSoon();
    return made;
  }

  /** The cells of a version, for who reads them one by one. */
  reads(version: Version, signal?: AbortSignal): CellReads {
    const marked = async (source: Version['inIndex'], row: number) =>
      source === null || (await this.reader.cell(source, row, signal)) === true;
    return {
      rows: (label) => this.finder.rows(version, label, signal),
      cell: (column, row) => this.cell(version, column, row, signal),
      inIndex: (row) => marked(version.inIndex, row),
      inSeries: (row) => (version.inSeries === null ? Promise.resolve(false) : marked(version.inSeries, row)),
    };
  }

  async cell(version: Version, column: Column, row: number, signal?: AbortSignal): Promise<Cell> {
    const patches = version.patches.get(column.name);
    if (patches?.has(row) === true) return patches.get(row) ?? null;
    const found = this.reader.peek(column, row);
    if (found !== undefined) return found;
    const cell = await this.reader.cell(column, row, signal);
    this.bringToHand(column);
    return cell;
  }

  facts(): Readonly<Record<string, unknown>> {
    const { state, origin } = this;
    if (!state) return {};
    if (this.told?.version !== state.head || this.told.origin !== origin)
      this.told = { version: state.head, origin, facts: factsOf(state.head, origin) };
    return this.told.facts;
  }

  /** Its part of what the sessions that share its tables take together. */
  memoryBytes(): number {
    return this.database.memoryShare;
  }

  capture(): Promise<ICapture> {
    if (this.closed) return Promise.reject(closedError());
    const { database, written } = this;
    const { state, focused: focus, origin } = this;
    if (!state) {
      const empty = { write: () => Promise.resolve({ manifest: {} }), dispose: () => undefined };
      return Promise.resolve(empty);
    }
    const saved = { state: state.snapshot(), focus, origin };
    const held = database.retain();
    const place = { database, written, files: this.services.files, signal: this.stopping.signal };
    let released = false;
    return Promise.resolve({
      write: (sink) => writeCheckpoint(saved, sink, place),
      dispose: async () => {
        if (released) return;
        released = true;
        await held.dispose();
      },
    });
  }

  async restore(source: CheckpointSource): Promise<RestoreReport> {
    this.assertOpen();
    const { database, services } = this;
    const saved = await readCheckpoint(source, database, this.written, services.files);
    // A restart without its state begins as the session began.
    if (!saved) {
      await this.begin();
      return { not_kept: [] };
    }
    this.state = new TableState(saved.state);
    this.focused = saved.focus;
    this.origin = await lookedAt(originSchema.parse(saved.origin), services.files);
    await this.measure();
    return { not_kept: [] };
  }

  /** The same tables for another session: nothing is copied but the files of the workspace. */
  async fork(context: EngineContext): Promise<{ engine: DataEngine; not_kept: NotKept[] }> {
    this.assertOpen();
    await copyFolder(this.context.workspace, context.workspace, this.services.files);
    const engine = new DataEngine(this.database.retain(), this.services, context, this.options);
    if (this.state) engine.state = new TableState(this.state.snapshot());
    engine.focused = this.focused;
    engine.origin = this.origin;
    engine.written = new Map(this.written);
    return { engine, not_kept: [] };
  }

  async dispose(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.stopping.abort('interrupted');
    await this.database.dispose();
  }

  private get present(): TableState {
    this.assertOpen();
    if (this.state) return this.state;
    throw new SojournError('data_error', 'The session has no table.');
  }

  private assertOpen(): void {
    if (this.closed) throw closedError();
  }

  private moved<T>(move: () => T): Promise<T> {
    return new Promise((resolve) => resolve(move()));
  }

  /** The next point reads of this column will find it at hand; the present one does not wait for that. */
  bringToHand(column: CellSource): void {
    void this.reader.warm(column).catch((err: unknown) => {
      if (!this.closed) this.services.log.debug({ err }, 'a column could not be brought to hand');
    });
  }

  /** DuckDB counts by a query of its own: not for each of many small writes. */
  private measureSoon(): void {
    const now = this.services.clock.monotonic();
    if (now < this.measureAt) return;
    this.measureAt = now + measurePauseMs;
    // A database that is gone takes no memory.
    void this.measure().catch(() => undefined);
  }

  private async measure(): Promise<void> {
    const memory = await this.database.measure();
    const { memoryBytes, log } = this.services;
    const isNear = memory > memoryBytes * nearShare;
    if (isNear && !this.wasNear) {
      const { sessionId: session_id } = this.context;
      const facts = { session_id, setting: 'data.memory_bytes', value: memory, max: memoryBytes };
      log.warn(facts, 'a limit is near');
    }
    this.wasNear = isNear;
  }
}

const closedError = (): SojournError => errors.closed('The data session');
