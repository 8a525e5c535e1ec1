/** What a session's kind adds to its metadata, as the engine said it last. */
import { isDeepStrictEqual } from 'node:util';
import type { IEngine } from '../types/engine.js';
import type { SessionPatch, SessionRecord } from '../types/session.js';

export class SessionFacts {
  private last: Readonly<Record<string, unknown>> | null = null;

  /** Nothing when it is what the record has. */
  patch(engine: IEngine | null, record: SessionRecord): Pick<SessionPatch, 'facts'> {
    const facts = engine?.facts?.();
    if (facts === undefined || facts === this.last) return {};
    this.last = facts;
    return isDeepStrictEqual(facts, record.facts) ? {} : { facts: { ...facts } };
  }
}
