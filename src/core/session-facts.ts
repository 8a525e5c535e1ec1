/** What a session's kind adds to its metadata, as the engine said it last. */
import { isDeepStrictEqual } from 'node:util';
import type { IEngine } from '../types/engine.js';
import type { SessionPatch, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

export class SessionFacts {
  private last: Readonly<Record<string, unknown>> | null = null;
  private told: IEngine | null = null;

  /** Nothing when it is what the record has. */
  patch(engine: IEngine | null, record: SessionRecord): Pick<SessionPatch, 'facts'> {
    const facts = engine?.facts?.();
    if (facts === undefined || facts === this.last) return {};
    this.last = facts;
    return isDeepStrictEqual(facts, record.facts) ? {} : { facts: { ...facts } };
  }

  /** An engine that was just brought back may have something new to tell, where nothing is written for long. */
  async tellOf(
    engine: IEngine,
    record: SessionRecord,
    store: Pick<ISessionStore, 'updateSession'>,
  ): Promise<void> {
    if (engine === this.told) return;
    this.told = engine;
    const patch = this.patch(engine, record);
    if (!patch.facts) return;
    Object.assign(record, patch);
    await store.updateSession(record.session_id, patch);
  }
}
