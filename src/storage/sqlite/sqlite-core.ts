/**
 * Everything that an open sqlite store owns: the connection with its tables, the part files, the keepers that run
 * beside requests, and the work that goes on after opening. Opens and closes it all in order.
 */
import { join } from 'node:path';
import type { SojournError } from '../../types/errors.js';
import type { Disposable } from '../../types/ports.js';
import type { OpenReport, StoreOptions } from '../../types/store.js';
import { isCorruption, isDamage, storageError } from '../store-errors.js';
import { nextTurn } from '../turns.js';
import { PartCollector } from './collector.js';
import { DamageList } from './damage.js';
import { GroupSync } from './group-sync.js';
import { openDatabase } from './open-database.js';
import type { OpenedDatabase } from './open-database.js';
import { PartFiles } from './parts.js';
import type { Db } from './schema.js';
import { setAsideFolder } from './salvage.js';
import { prepareTables } from './tables.js';
import type { Tables } from './tables.js';
import { Verifier } from './verify.js';
import { WalKeeper } from './wal-keeper.js';

/** How long opening may look at sessions before it leaves the rest to the background. */
const verifyBudgetMs = 2000;
const walBytesMax = 16 * 2 ** 20;
/** Journal rows of a deleted session that are removed in one go. */
const prunedAtOnce = 5000;

export class SqliteCore implements Disposable {
  readonly damage: DamageList;
  readonly collector: PartCollector;
  readonly wal: WalKeeper;
  readonly group: GroupSync;
  private readonly stop = new AbortController();
  private background: Promise<void> | undefined;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly options: StoreOptions,
    private readonly database: OpenedDatabase,
    readonly tables: Tables,
    readonly parts: PartFiles,
  ) {
    const { clock, log, files } = options;
    const file = databaseFile(options.dataDir);
    this.damage = new DamageList(tables, clock, log);
    this.collector = new PartCollector(parts, tables.held, files, log);
    this.wal = new WalKeeper({ file, log, maxBytes: walBytesMax });
    this.group = new GroupSync(`${file}-wal`);
  }

  /** @throws storage_error */
  static async open(options: StoreOptions): Promise<SqliteCore> {
    const { dataDir, files } = options;
    const file = databaseFile(dataDir);
    let core: SqliteCore | undefined;
    let opened: Db | undefined;
    try {
      await files.makeDirectory(dataDir, 0o700);
      const parts = new PartFiles(join(dataDir, 'parts'), files);
      await parts.prepare();
      const database = await openDatabase({ ...options, file }, await parts.hasAny());
      opened = database.db;
      core = new SqliteCore(options, database, prepareTables(database.db), parts);
      await core.lookOver();
      return core;
    } catch (error) {
      await core?.dispose();
      opened?.close();
      throw storageError(file, error);
    }
  }

  report(): OpenReport {
    const { setAside, lost } = this.database;
    const sessions = this.tables.catalogue.visible();
    return { sessions, damaged: this.damage.report(), set_aside: setAside, lost };
  }

  /** Resolves when every commit so far is on the disk. @throws storage_error */
  async makeDurable(): Promise<void> {
    await this.group.wait().catch((error: unknown) => {
      throw storageError(databaseFile(this.options.dataDir), error);
    });
  }

  /**
   * Removes parts that rows referred to which are gone, as far as nothing refers to them. Not before it is sure that
   * the rows stay away: power loss must not bring them back without their parts. Never rejects: what stays is swept at
   * the next open.
   */
  async letGo(hashes: readonly string[]): Promise<void> {
    if (hashes.length === 0) return;
    try {
      await this.makeDurable();
      await this.collector.collect(hashes);
    } catch (error) {
      this.options.log.warn({ err: error }, 'unused parts could not be removed yet');
    }
  }

  /** Removes the journal of a session that was removed, a piece at a time. */
  async prune(key: number): Promise<void> {
    const { catalogue, journal, transact } = this.tables;
    try {
      const last = journal.lastSeq(key);
      for (let below = prunedAtOnce; below <= last; below += prunedAtOnce) {
        while (this.wal.gate) await this.wal.gate;
        // What is left is removed after the next start.
        if (this.stop.signal.aborted) return;
        transact(() => journal.prune(key, below));
        this.wal.grew(prunedAtOnce * 100);
        await nextTurn();
      }
      while (this.wal.gate) await this.wal.gate;
      if (this.stop.signal.aborted) return;
      transact(() => {
        journal.prune(key, last + 1);
        catalogue.spare(key);
      });
      this.wal.grew();
    } catch (error) {
      this.options.log.warn({ err: error }, 'the journal of a deleted session could not be removed yet');
    }
  }

  /** What a caller is told of `error`; damage that was met is noted. */
  told(sessionId: string | null, error: unknown): SojournError {
    const told = storageError(databaseFile(this.options.dataDir), error);
    if (sessionId !== null && (isCorruption(error) || isDamage(told)))
      this.damage.mark(sessionId, told.detail);
    return told;
  }

  dispose(): Promise<void> {
    return (this.closed ??= this.close());
  }

  private async close(): Promise<void> {
    this.stop.abort();
    await this.background;
    await this.collector.settled();
    await this.wal.dispose();
    await this.group.dispose();
    this.database.db.close();
  }

  private async lookOver(): Promise<void> {
    const { dataDir, files, clock } = this.options;
    // The names of the database and its log, without which a sync of their bytes would be worth nothing.
    await files.sync(dataDir);
    const temporary = await this.parts.listTemporary();
    const verifier = new Verifier(this.tables, this.parts, this.damage, clock);
    await verifier.records();
    await verifier.contents(this.stop.signal, verifyBudgetMs);
    this.background = this.afterOpen(verifier, temporary);
  }

  /** Never rejects: what fails here is logged and done again after the next start. */
  private async afterOpen(verifier: Verifier, temporary: readonly string[]): Promise<void> {
    const { signal } = this.stop;
    try {
      for (const key of this.tables.catalogue.doomed()) await this.prune(key);
      await verifier.contents(signal);
      if (await this.mayCollect()) await this.collector.sweep(temporary, signal);
    } catch (error) {
      this.options.log.warn({ err: error }, 'cleaning up after opening the store failed');
    } finally {
      this.parts.endSweep();
    }
  }

  /**
   * Files that were set aside, or a database that was lost, may still be repaired by hand: the parts that only they
   * name are kept. Removing the folder lets them go.
   */
  private async mayCollect(): Promise<boolean> {
    const { dataDir, files } = this.options;
    if (this.database.fresh) return false;
    const folder = setAsideFolder(dataDir);
    return (await files.stat(folder)) === null || (await files.list(folder)).length === 0;
  }
}

export const databaseFile = (dataDir: string): string => join(dataDir, 'sojourn.db');
