/** Ends a server that nobody asks anything: who counts as somebody, and when it has been long enough. */
import type { Disposable, IClock, Timer } from '../types/ports.js';

/** When somebody was last there. */
export class ServerActivity {
  private underWay = 0;
  private last: number;

  constructor(private readonly clock: Pick<IClock, 'monotonic'>) {
    this.last = clock.monotonic();
  }

  /** A request has come; call what is returned, once, when it has been answered or given up. */
  begin(): () => void {
    this.underWay += 1;
    return () => {
      this.underWay -= 1;
      this.last = this.clock.monotonic();
    };
  }

  get idleMs(): number {
    return this.underWay > 0 ? 0 : this.clock.monotonic() - this.last;
  }
}

export interface IdleStopOptions {
  readonly timeoutMs: number;
  readonly activity: ServerActivity;
  readonly clock: IClock;
  /** True while a session works: what runs is waited for, also when its client has gone. */
  isBusy(): boolean;
  onIdle(): void;
}

const shortestMs = 1000;
const longestMs = 10_000;

export class IdleStop implements Disposable {
  private timer: Timer | null = null;
  private busyUntil: number;

  constructor(private readonly options: IdleStopOptions) {
    this.busyUntil = options.clock.monotonic();
  }

  start(): void {
    const { clock, timeoutMs } = this.options;
    const delayMs = Math.min(longestMs, Math.max(shortestMs, timeoutMs / 4));
    this.timer = clock.setTimer(delayMs, () => this.look());
  }

  dispose(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private look(): void {
    const { clock, activity, timeoutMs } = this.options;
    const now = clock.monotonic();
    if (this.options.isBusy()) this.busyUntil = now;
    if (Math.min(activity.idleMs, now - this.busyUntil) < timeoutMs) this.start();
    else this.options.onIdle();
  }
}
