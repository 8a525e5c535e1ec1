/** Thins the checkpoints of live sessions now and then, and when asked to. */
import type { IClock, ILog, Timer } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { ISessionStore } from '../../types/store.js';
import { expendable } from './retention.js';
import type { TimelineNavigator } from './timeline-navigator.js';

export interface RetentionServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
  readonly clock: IClock;
  readonly log: ILog;
  /** So many of the newest stay in any case; 0 = all stay unless somebody asks. */
  readonly keepLast: number;
}

export interface Pruned {
  removed_count: number;
  checkpoint_count: number;
}

const sweepMs = 60_000;
/** Removed in one go, so that nobody waits long. */
const removedAtOnce = 500;

export class Retention {
  private timer: Timer | null = null;
  private sweeping: Promise<void> = Promise.resolve();
  private stopped = false;
  /** Counts after the last sweep: what has not grown since is not looked at. */
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly navigator: TimelineNavigator,
    private readonly services: RetentionServices,
  ) {}

  start(): void {
    if (this.stopped || this.services.keepLast === 0) return;
    this.timer = this.services.clock.setTimer(sweepMs, () => {
      this.sweeping = this.sweep().finally(() => this.start());
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.sweeping;
  }

  /** A session that goes to sleep or away needs no more looking after. */
  gone(sessionId: string): void {
    this.counts.delete(sessionId);
  }

  async prune(sessionId: string, keepLast = Math.max(1, this.services.keepLast)): Promise<Pruned> {
    const { record, nodes } = await this.navigator.tree(sessionId);
    const rule = { keepLast, now: this.services.clock.now() };
    const ids = expendable(nodes, record.head_checkpoint, rule);
    for (let done = 0; done < ids.length; done += removedAtOnce)
      await this.services.store.removeCheckpoints(sessionId, ids.slice(done, done + removedAtOnce));
    if (ids.length > 0) this.navigator.forget(sessionId);
    const { nodes: left } = await this.navigator.tree(sessionId);
    return { removed_count: nodes.length - left.length, checkpoint_count: left.length };
  }

  private async sweep(): Promise<void> {
    const { pool, keepLast, log } = this.services;
    for (const { session_id, checkpoint_count } of pool.getAllMetadata()) {
      const before = this.counts.get(session_id) ?? 0;
      if (this.stopped) return;
      // Not for every single one: a tenth more than is to be kept.
      if (checkpoint_count < keepLast * 1.1 || checkpoint_count < before + keepLast * 0.1) continue;
      try {
        const pruned = await this.prune(session_id);
        this.counts.set(session_id, pruned.checkpoint_count);
        if (pruned.removed_count > 0) log.info({ session_id, ...pruned }, 'old checkpoints were removed');
      } catch (error) {
        log.warn({ err: error, session_id }, 'old checkpoints could not be removed');
      }
    }
  }
}
