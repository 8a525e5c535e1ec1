/**
 * Keeps the pool within its limits and puts idle sessions to sleep when their time is up. A session is put to sleep
 * once, however many ask for it. Where memory is short, what sessions keep warm is given up before any of them sleeps.
 */
import type { IConfig } from '../types/config.js';
import type { IClock, IFiles, ILog, Timer } from '../types/ports.js';
import type { ISessionInstance, ISessionPool } from '../types/session.js';
import { memoryAvailableShare } from './machine-gauge.js';

export interface PoolKeeperServices {
  readonly pool: ISessionPool;
  readonly clock: IClock;
  readonly files: IFiles;
  readonly log: ILog;
  readonly config: Pick<IConfig, 'pool'>;
  /** A session went to sleep. */
  readonly asleep: (session: ISessionInstance) => void;
}

/** How often idle sessions are looked for. */
const sweepMs = 1000;
/** Of the machine's memory: with less available nothing is kept warm. */
const scarceShare = 0.1;

export class PoolKeeper {
  private readonly sleeping = new Map<string, Promise<void>>();
  private evicting: Promise<void> | null = null;
  private sweep: Timer | null = null;
  private stopped = false;

  constructor(private readonly services: PoolKeeperServices) {}

  start(): void {
    if (this.stopped) return;
    this.sweep = this.services.clock.setTimer(sweepMs, () => {
      void this.sleepIdle()
        .then(() => this.relieve())
        .finally(() => this.start());
    });
  }

  /** Resolves when nothing is on its way to sleep any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.sweep?.cancel();
    await Promise.allSettled([...this.sleeping.values(), this.evicting]);
  }

  add(session: ISessionInstance): void {
    this.services.pool.add(session.id, session);
    // Adding up the memory asks every session: not at every single one.
    const isFull = this.hasTooMany() || (this.services.pool.size() % 16 === 0 && this.takesTooMuch());
    if (!this.stopped && isFull) this.evicting ??= this.evict();
  }

  /** Memory of all live sessions, in bytes. */
  memoryBytes(): number {
    return this.services.pool.getAllMetadata().reduce((sum, session) => sum + session.memory_bytes, 0);
  }

  putToSleep(session: ISessionInstance): Promise<void> {
    const under = this.sleeping.get(session.id);
    if (under) return under;
    const sleeping = this.sleep(session).finally(() => this.sleeping.delete(session.id));
    this.sleeping.set(session.id, sleeping);
    return sleeping;
  }

  private async sleep(session: ISessionInstance): Promise<void> {
    await session.hibernate();
    if (this.services.pool.peek(session.id) === session) this.services.pool.remove(session.id);
    this.services.log.info({ session_id: session.id }, 'a session went to sleep');
    this.services.asleep(session);
  }

  private hasTooMany(): boolean {
    return this.services.pool.size() > this.services.config.pool.max_live_sessions;
  }

  private takesTooMuch(): boolean {
    return this.memoryBytes() > this.services.config.pool.max_memory_bytes;
  }

  /** Of the least recently used session that keeps anything warm; false when none does. */
  private async coolOne(): Promise<boolean> {
    const session = this.services.pool.getAll().find(({ warm }) => warm.count > 0);
    await session?.warm.clear();
    return session !== undefined;
  }

  /** While the machine itself is short of memory. */
  private async relieve(): Promise<void> {
    const { pool, files } = this.services;
    while (!this.stopped && pool.getAll().some(({ warm }) => warm.count > 0)) {
      const share = await memoryAvailableShare(files);
      if (share === null || share >= scarceShare) return;
      await this.coolOne();
    }
  }

  /** Least recently used first, past those that cannot sleep; with none idle the pool stays larger for a while. */
  private async evict(): Promise<void> {
    const { pool } = this.services;
    const paused = pool.getAll().filter((session) => session.savePaused);
    const sleepless = new Set(paused.map(({ id }) => id));
    while (!this.stopped && (this.hasTooMany() || this.takesTooMuch())) {
      if (!this.hasTooMany() && (await this.coolOne())) continue;
      const session = pool.peek(pool.peekLRU(sleepless) ?? '');
      if (!session) break;
      await this.putToSleep(session).catch((error: unknown) => {
        sleepless.add(session.id);
        this.failed(error);
      });
    }
    this.evicting = null;
  }

  private async sleepIdle(): Promise<void> {
    const now = this.services.clock.now();
    for (const session of this.services.pool.getAll()) {
      const { status, sleeps_at } = session.getMetadata();
      const isAwake = status !== 'idle' || sleeps_at === null || Date.parse(sleeps_at) > now;
      if (this.stopped || isAwake || session.savePaused) continue;
      await this.putToSleep(session).catch((error: unknown) => {
        this.failed(error);
      });
    }
    if (!this.stopped && (this.hasTooMany() || this.takesTooMuch())) await (this.evicting ??= this.evict());
  }

  private failed(error: unknown): void {
    this.services.log.error({ err: error }, 'a session could not be put to sleep');
  }
}
