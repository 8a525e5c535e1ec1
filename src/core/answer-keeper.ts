/**
 * Answers a repeated write with the first answer, where the write has no place in a session's journal:
 * a retry after a lost reply, in this process or after a restart, changes nothing twice.
 */
import { createHash } from 'node:crypto';
import { SojournError } from '../types/errors.js';
import type { IClock } from '../types/ports.js';
import type { ISessionStore } from '../types/store.js';

export interface OnceRequest {
  readonly principal: string;
  readonly key: string;
  readonly operation: string;
  readonly request: unknown;
}

/** For so long a repeated write gets its first answer. */
export const answersKeptMs = 24 * 3600 * 1000;
const pruneEveryMs = 3600 * 1000;

export class AnswerKeeper {
  private readonly underWay = new Map<string, { request: string; answer: Promise<unknown> }>();

  private prunedAt = 0;

  constructor(
    private readonly store: ISessionStore,
    private readonly clock: IClock,
  ) {}

  /**
   * Failures are not kept: a retry may succeed where the first call could not.
   * @throws conflict when a key serves two calls
   */
  async once(once: OnceRequest, run: () => Promise<unknown>): Promise<unknown> {
    const { principal, key, operation } = once;
    const request = fingerprint([operation, once.request]);
    const slot = JSON.stringify([principal, key]);
    const current = this.underWay.get(slot);
    if (current) {
      assertSame(current.request, request, key);
      return current.answer;
    }
    const answer = this.answer(once, request, run).finally(() => this.underWay.delete(slot));
    this.underWay.set(slot, { request, answer });
    return answer;
  }

  /** Forgets what is older than 24 hours, now and then. */
  private async prune(): Promise<void> {
    const now = this.clock.now();
    if (now - this.prunedAt < pruneEveryMs) return;
    this.prunedAt = now;
    await this.store.pruneAnswers(new Date(now - answersKeptMs).toISOString());
  }

  private async answer(once: OnceRequest, request: string, run: () => Promise<unknown>): Promise<unknown> {
    const kept = await this.store.getAnswer(once.principal, once.key);
    if (kept && Date.parse(kept.created_at) > this.clock.now() - answersKeptMs) {
      assertSame(kept.request, request, once.key);
      return kept.answer;
    }
    const answer = await run();
    await this.prune();
    const created_at = new Date(this.clock.now()).toISOString();
    await this.store.putAnswer(once.principal, once.key, { request, answer: answer ?? null, created_at });
    return answer;
  }
}

export const fingerprint = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex');

function assertSame(first: string, second: string, key: string): void {
  if (first === second) return;
  throw new SojournError('conflict', `The idempotency key '${key}' was used for another call.`, {
    idempotency_key: key,
  });
}
