/**
 * Deletes sessions that nobody has used for as long as they were made to last. It looks at all of them at the start
 * and then whenever the next one may be due; sleeping sessions are deleted without being woken.
 */
import { lastUse } from '../core/session-metadata.js';
import type { LiveFacts } from '../core/session-metadata.js';
import type { IClock, ILog, Timer } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

export interface ExpiryServices {
  readonly store: ISessionStore;
  readonly clock: IClock;
  readonly log: ILog;
  liveFacts(id: string): LiveFacts | null;
  /** Deletes the session if `isDue` still says so when its turn has come. */
  deleteIf(id: string, isDue: (record: SessionRecord) => boolean): Promise<boolean>;
}

const pageSize = 200;
/** No timer is set further ahead: a clock may be set meanwhile. */
const longestMs = 3600 * 1000;
const shortestMs = 1000;
/** A deletion that failed is tried again after this time. */
const retryMs = 60_000;
/** The part of the time that looking through many sessions may take. */
const share = 0.02;

export class ExpiryKeeper {
  private timer: Timer | null = null;
  /** When the next session may be due, in milliseconds since 1970. */
  private dueAt = Infinity;
  private pauseMs = shortestMs;
  private sweeping: Promise<void> | null = null;
  private stopped = false;

  constructor(private readonly services: ExpiryServices) {}

  /** Looks at every session now, and from then on when one may be due. */
  start(): void {
    if (this.stopped || this.sweeping) return;
    this.dueAt = Infinity;
    this.sweeping = this.sweep().finally(() => {
      this.sweeping = null;
      this.schedule();
    });
  }

  /** A session was made or changed: it may be due sooner than any other. */
  note(expiresAt: string | null): void {
    if (expiresAt === null) return;
    this.dueAt = Math.min(this.dueAt, Date.parse(expiresAt));
    this.schedule();
  }

  /** Resolves when no deletion is under way any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.sweeping;
  }

  private schedule(): void {
    if (this.stopped || this.sweeping || this.dueAt === Infinity) return;
    const { clock } = this.services;
    this.timer?.cancel();
    const delayMs = Math.max(this.pauseMs, Math.min(longestMs, this.dueAt - clock.now()));
    this.timer = clock.setTimer(delayMs, () => {
      if (clock.now() < this.dueAt) this.schedule();
      else this.start();
    });
  }

  private async sweep(): Promise<void> {
    const { store, clock, log } = this.services;
    const started = clock.monotonic();
    try {
      let cursor: string | undefined;
      do {
        const page = await store.listSessions({
          limit: pageSize,
          ...(cursor === undefined ? {} : { cursor }),
        });
        for (const record of page.sessions) await this.visit(record);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && !this.stopped);
    } catch (error) {
      log.error({ err: error }, 'expired sessions could not be looked for');
      this.dueAt = clock.now() + retryMs;
    }
    this.pauseMs = Math.max(shortestMs, (clock.monotonic() - started) / share);
  }

  private async visit(record: SessionRecord): Promise<void> {
    const { clock, log } = this.services;
    const dueAt = this.dueTime(record);
    if (dueAt > clock.now() || this.stopped) {
      this.dueAt = Math.min(this.dueAt, dueAt);
      return;
    }
    const { session_id } = record;
    try {
      const gone = await this.services.deleteIf(
        session_id,
        (present) => this.dueTime(present) <= clock.now(),
      );
      if (gone) log.info({ session_id }, 'a session expired and was deleted');
      else this.dueAt = Math.min(this.dueAt, clock.now() + shortestMs);
    } catch (error) {
      log.error({ err: error, session_id }, 'an expired session could not be deleted');
      this.dueAt = Math.min(this.dueAt, clock.now() + retryMs);
    }
  }

  /** In milliseconds since 1970. A damaged session was set aside to be mended, and is kept for that. */
  private dueTime(record: SessionRecord): number {
    if (record.expire_after_s === 0 || record.failure) return Infinity;
    const used = lastUse(record, this.services.liveFacts(record.session_id)) ?? this.services.clock.now();
    return used + record.expire_after_s * 1000;
  }
}
