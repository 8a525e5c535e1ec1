/**
 * Writes live sessions behind the client's back: every interval what is dirty and idle, at once what has become
 * costly to recover, and everything at a forced save or at the end.
 */
import { hasLeft } from '../core/retirement.js';
import type { IConfig } from '../types/config.js';
import type { IPersistenceManager } from '../types/managers.js';
import type { IClock, ILog, Timer } from '../types/ports.js';
import type { ISessionInstance, ISessionPool } from '../types/session.js';
import type { CheckpointRecord, ISessionStore } from '../types/store.js';

/** Checkpoints under way at once: each one forks a kernel. */
const parallelSaves = 4;

export interface PersistenceServices {
  readonly pool: ISessionPool;
  readonly store: ISessionStore;
  readonly clock: IClock;
  readonly log: ILog;
  readonly config: Pick<IConfig, 'checkpoint'>;
}

export class PersistenceManager implements IPersistenceManager {
  private timer: Timer | null = null;
  private stopped = false;
  private saving: Promise<void> | null = null;

  constructor(private readonly services: PersistenceServices) {}

  start(): void {
    if (this.stopped || this.timer) return;
    this.timer = this.services.clock.setTimer(this.services.config.checkpoint.interval_ms, () => {
      this.timer = null;
      void this.saveDirtySessions().finally(() => this.start());
    });
  }

  saveSession(session: ISessionInstance, reason: string): Promise<CheckpointRecord | null> {
    return session.checkpoint(reason);
  }

  /**
   * One round at a time; busy sessions are left for the next one. A failure is logged, and tried again after pauses
   * that grow.
   */
  saveDirtySessions(): Promise<void> {
    this.saving ??= this.saveAll(
      this.services.pool
        .getDirty()
        .filter((session) => session.getState().status === 'idle' && !session.savePaused),
      'periodic',
    )
      .catch((error: unknown) => {
        this.services.log.error({ err: error }, 'sessions could not be saved');
      })
      .finally(() => {
        this.saving = null;
      });
    return this.saving;
  }

  async forceSave(): Promise<void> {
    await this.saving;
    // Of those that have not changed a checkpoint may still be under way.
    await this.saveAll(this.services.pool.getAll(), 'save');
    await this.services.store.sync();
  }

  async shutdown(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = null;
    await this.forceSave();
  }

  async sessionExistsOnDisk(id: string): Promise<boolean> {
    return (await this.services.store.getSession(id)) !== null;
  }

  /** Every session is tried; the failures come back together. */
  private async saveAll(sessions: ISessionInstance[], reason: string): Promise<void> {
    const failures: unknown[] = [];
    const queue = [...sessions];
    const work = async () => {
      for (let session = queue.shift(); session; session = queue.shift()) {
        // One that has ended meanwhile refuses before there is a promise.
        try {
          await session.checkpoint(reason);
        } catch (error) {
          if (!hasLeft(error)) failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: parallelSaves }, work));
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} sessions could not be saved`);
  }
}
