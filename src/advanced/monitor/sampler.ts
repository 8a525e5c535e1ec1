/**
 * Looks now and then at what live sessions take: memory and the length of their queues, and what the store has of
 * them, which only the store knows.
 */
import type { Disposable, IClock, ILog, Timer } from '../../types/ports.js';
import type { ISessionInstance, ISessionPool } from '../../types/session.js';
import type { ISessionStore } from '../../types/store.js';
import type { SessionMonitor, Sizes } from './session-monitor.js';

/** Several times within a minute, the step of the series. */
const periodMs = 10_000;
/** So long stored sizes are not read again: the store has more to do than answering who asks all the time. */
const storedFreshMs = 1000;

export interface SamplerServices {
  readonly monitor: SessionMonitor;
  readonly pool: ISessionPool;
  readonly store: Pick<ISessionStore, 'getSession'>;
  readonly clock: IClock;
  readonly log: ILog;
}

export class Sampler implements Disposable {
  private timer: Timer | null = null;
  private reading: Promise<void> | null = null;
  private readAt = -Infinity;
  private disposed = false;

  constructor(private readonly services: SamplerServices) {}

  start(): void {
    if (this.disposed) return;
    this.timer = this.services.clock.setTimer(periodMs, () => {
      this.lookAtAll();
      void this.readStored();
      this.start();
    });
  }

  lookAtAll(): void {
    const { monitor, pool, clock } = this.services;
    const sizes = pool.getAll().map((session) => this.look(session));
    const memory = sizes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    const queued = sizes.reduce((sum, { queueLength }) => sum + queueLength, 0);
    monitor.server.series?.addSample(clock.now(), memory, queued);
    monitor.keepLive((session) => pool.peek(session) !== undefined);
  }

  look(session: ISessionInstance): Sizes {
    const { memory_bytes: memoryBytes } = session.getMetadata();
    const sizes = { memoryBytes, queueLength: session.getState().queue_length };
    this.services.monitor.sample(session, sizes);
    return sizes;
  }

  /** Asks the store for the size of each live session, one after the other; once, however many ask. */
  readStored(): Promise<void> {
    const { clock, log } = this.services;
    if (this.reading) return this.reading;
    if (clock.monotonic() - this.readAt < storedFreshMs) return Promise.resolve();
    this.reading = this.readAll()
      .catch((error: unknown) => {
        // Those who need the store say so louder.
        log.debug({ err: error }, 'stored sizes could not be read');
      })
      .finally(() => {
        this.reading = null;
        this.readAt = clock.monotonic();
      });
    return this.reading;
  }

  /** Resolves when the store is not asked any more. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.timer?.cancel();
    await this.reading;
  }

  private async readAll(): Promise<void> {
    const { monitor, pool, store } = this.services;
    for (const { id } of pool.getAll()) {
      if (this.disposed) return;
      const record = await store.getSession(id);
      if (record && monitor.find(id)) monitor.updateSessionSize(id, record.stored_bytes);
    }
  }
}
