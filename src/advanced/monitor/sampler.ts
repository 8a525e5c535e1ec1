/** Looks now and then at what live sessions take: memory, stored bytes and the length of their queues. */
import type { Disposable, IClock, Timer } from '../../types/ports.js';
import type { ISessionInstance, ISessionPool } from '../../types/session.js';
import type { SessionMonitor } from './session-monitor.js';

/** Several times within a minute, the step of the series. */
const periodMs = 10_000;

export class Sampler implements Disposable {
  private timer: Timer | null = null;
  private disposed = false;

  constructor(
    private readonly monitor: SessionMonitor,
    private readonly pool: ISessionPool,
    private readonly clock: IClock,
  ) {}

  start(): void {
    if (this.disposed) return;
    this.timer = this.clock.setTimer(periodMs, () => {
      this.lookAtAll();
      this.start();
    });
  }

  lookAtAll(): void {
    let memory = 0;
    let queued = 0;
    for (const session of this.pool.getAll()) {
      const { memoryBytes, queueLength } = this.look(session);
      memory += memoryBytes;
      queued += queueLength;
    }
    this.monitor.server.series?.addSample(this.clock.now(), memory, queued);
    this.monitor.keepLive((session) => this.pool.peek(session) !== undefined);
  }

  look(session: ISessionInstance) {
    const { memory_bytes: memoryBytes, stored_bytes: storedBytes } = session.getMetadata();
    const sizes = { memoryBytes, storedBytes, queueLength: session.getState().queue_length };
    this.monitor.sample(session, sizes);
    return sizes;
  }

  dispose(): void {
    this.disposed = true;
    this.timer?.cancel();
  }
}
