/**
 * A sqlite store with sessions, journals of many pages and parts on a real disk, for tests that damage its files by hand,
 * and the check that it never serves anything but what was stored.
 */
import { expect } from 'chai';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  addSession,
  append,
  at,
  checkpoint,
  input,
  putNamed,
  text,
} from '../../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../../src/core/system.js';
import { sqliteStore } from '../../src/storage/sqlite/definition.js';
import { isSojournError } from '../../src/types/errors.js';
import type { CheckpointRecord, ISessionStore, OpenReport } from '../../src/types/store.js';

export const sessionCount = 30;
export const eventCount = 40;
export const idOf = (index: number): string => `session-${String(index).padStart(2, '0')}`;

const said = (id: string) => `${id} says `.repeat(20);

export class StoreOnDisk {
  readonly file: string;
  private store: ISessionStore | undefined;

  constructor(readonly dataDir: string) {
    this.file = join(dataDir, 'sojourn.db');
  }

  create(): ISessionStore {
    const { dataDir } = this;
    return sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
  }

  /** Closes the store and opens it anew. */
  async reopen(): Promise<{ store: ISessionStore; report: OpenReport }> {
    await this.dispose();
    const store = this.create();
    this.store = store;
    return { store, report: await store.open() };
  }

  async dispose(): Promise<void> {
    await this.store?.dispose();
  }

  /** Sessions with journals of many pages, each with a checkpoint of an own and a shared part. */
  async fill(): Promise<void> {
    const { store } = await this.reopen();
    const shared = await putNamed(store, 'shared', 'the same for all');
    for (let index = 0; index < sessionCount; index += 1) {
      const id = idOf(index);
      await addSession(store, id, { uid: `uid${String(index).padStart(8, '0')}`, tags: ['t'] });
      const events = Array.from({ length: eventCount }, (_, offset) => text(id, offset + 2, said(id)));
      await append(store, id, [input(id, 1, `key of ${id}`), ...events]);
      const parts = [await putNamed(store, 'own', `only in ${id}`), shared];
      await store.addCheckpoint(id, checkpoint('c1', parts, { seq: eventCount }), { variable_count: index });
    }
    await store.putAnswer('ada', 'k', { request: 'r', answer: 42, created_at: at(1) });
    await this.dispose();
  }

  /** Reads everything: each session is either told as damaged or exactly what was stored. */
  async expectNothingWrong(store: ISessionStore): Promise<{ whole: string[]; damaged: string[] }> {
    const whole: string[] = [];
    const damaged: string[] = [];
    for (let index = 0; index < sessionCount; index += 1) {
      const id = idOf(index);
      ((await isWhole(store, id, index)) ? whole : damaged).push(id);
    }
    return { whole, damaged };
  }

  partPath(hash: string): string {
    return join(this.dataDir, 'parts', hash.slice(0, 2), hash);
  }

  async checkpointOf(id: string): Promise<CheckpointRecord> {
    const { store } = await this.reopen();
    const found = await store.getCheckpoint(id, 'c1');
    await this.dispose();
    if (!found) throw new Error('no checkpoint');
    return found;
  }

  /** Runs SQL behind the store's back. */
  tamper(sql: string): void {
    const db = new Database(this.file);
    db.exec(sql);
    db.close();
  }
}

/** False when the store says that the session is damaged; fails when it gives anything but what was stored. */
async function isWhole(store: ISessionStore, id: string, index: number): Promise<boolean> {
  try {
    const record = await store.getSession(id);
    if (record === null || record.failure) return false;
    const events = await store.readJournal(id, 0, 1000);
    expect(events.map((event) => event.seq)).to.deep.equal(events.map((_, seq) => seq));
    expect(events).to.have.length(eventCount + 2);
    expect(events.at(-1)).to.deep.equal(text(id, eventCount + 1, said(id)));
    expect(record.variable_count).to.equal(index);
    const [kept] = await store.listCheckpoints(id);
    const own = await store.getPart(kept?.parts[0]?.hash ?? '');
    expect(Buffer.from(own).toString()).to.equal(`only in ${id}`);
    return true;
  } catch (error) {
    if (!isSojournError(error, 'storage_error')) throw error;
    return false;
  }
}

export async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
}
