/**
 * Sessions that cannot be trusted any more. The finding is written into the session's record; where the record
 * itself is what cannot be read, it is kept here for as long as the store is open, and nothing of the session is
 * touched.
 */
import type { IClock, ILog } from '../../types/ports.js';
import type { SessionRecord } from '../../types/session.js';
import type { OpenReport } from '../../types/store.js';
import type { Tables } from './tables.js';

export type Failure = NonNullable<SessionRecord['failure']>;

export class DamageList {
  private readonly found = new Map<string, Failure>();

  constructor(
    private readonly tables: Tables,
    private readonly clock: IClock,
    private readonly log: ILog,
  ) {}

  /** Never throws: whoever met the damage has an error of its own to tell. */
  mark(sessionId: string, detail: string): void {
    if (this.found.has(sessionId)) return;
    const failure = { code: 'storage_error', detail, at: new Date(this.clock.now()).toISOString() };
    this.found.set(sessionId, failure);
    this.log.error({ session_id: sessionId, detail }, 'a stored session is damaged');
    try {
      this.write(sessionId, failure);
    } catch (error) {
      this.log.debug({ session_id: sessionId, err: error }, 'the damage could not be recorded');
      this.hide(sessionId);
    }
  }

  /** A session that was found damaged before. */
  note(sessionId: string, failure: Failure): void {
    this.found.set(sessionId, failure);
  }

  /** The record with what is known of its damage, where that could not be written down. */
  overlay(record: SessionRecord): SessionRecord {
    return record.failure ? record : { ...record, failure: this.found.get(record.session_id) ?? null };
  }

  /** The session was deleted or repaired. */
  forget(sessionId: string): void {
    this.found.delete(sessionId);
  }

  report(): OpenReport['damaged'] {
    return [...this.found].map(([session_id, { detail }]) => ({ session_id, detail }));
  }

  private write(sessionId: string, failure: Failure): void {
    const { catalogue, transact } = this.tables;
    transact(() => {
      const key = catalogue.keyOf(sessionId);
      const record = catalogue.read(sessionId);
      if (key !== undefined && record && record.failure === null)
        catalogue.save(key, { ...record, failure }, false);
    });
  }

  /** Takes an unreadable session out of the lists. */
  private hide(sessionId: string): void {
    try {
      const key = this.tables.catalogue.keyOf(sessionId);
      if (key !== undefined) this.tables.catalogue.unreadable.add(key);
    } catch (error) {
      this.log.warn({ session_id: sessionId, err: error }, 'a damaged session cannot be found any more');
    }
  }
}
