/**
 * How a run is stopped: a signal to the process group, then SIGTERM to the kernel, then SIGKILL to everything.
 * Each rung is taken only when the one before had no effect within the grace time.
 */
import type { ExecuteOutcome } from '../../types/engine.js';
import type { IClock, Timer } from '../../types/ports.js';

export type Rung = NonNullable<ExecuteOutcome['interrupt']>['rung'];

export interface LadderTarget {
  signal(signal: NodeJS.Signals, group: boolean): Promise<boolean>;
  kill(): void;
}

export class InterruptLadder {
  private timer: Timer | null = null;
  private startedAt = 0;
  private sent: Promise<unknown> = Promise.resolve();
  rung: Rung | null = null;

  constructor(
    private readonly target: LadderTarget,
    private readonly clock: IClock,
    private readonly graceMs: number,
  ) {}

  /** Climbs the first rung; the others follow by themselves. */
  start(): void {
    if (this.rung !== null) return;
    this.startedAt = this.clock.monotonic();
    this.rung = 'signal';
    this.sent = this.target.signal('SIGINT', true);
    this.timer = this.clock.setTimer(this.graceMs, () => this.terminate());
  }

  /**
   * To be called when the run has ended, however. Resolves when every signal has been delivered, so that none can
   * meet the next run; null when nothing was stopped.
   */
  async stop(): Promise<{ rung: Rung; ms: number } | null> {
    this.timer?.cancel();
    this.timer = null;
    if (this.rung === null) return null;
    const ms = Math.round((this.clock.monotonic() - this.startedAt) * 1000) / 1000;
    await this.sent;
    return { rung: this.rung, ms };
  }

  private terminate(): void {
    this.rung = 'terminate';
    this.sent = this.target.signal('SIGTERM', false);
    this.timer = this.clock.setTimer(this.graceMs, () => {
      this.rung = 'kill';
      this.target.kill();
    });
  }
}
