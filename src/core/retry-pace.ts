/** How long something that failed is left alone before it is tried again: longer after each failure, up to a bound. */
import type { IClock } from '../types/ports.js';

const longestMs = 10 * 60_000;

export class RetryPace {
  private failures = 0;
  /** On the monotonic clock. */
  private pausedUntil = -Infinity;

  /** @param usualMs how often it is done when all is well */
  constructor(
    private readonly clock: Pick<IClock, 'monotonic'>,
    private readonly usualMs: number,
  ) {}

  get isPaused(): boolean {
    return this.clock.monotonic() < this.pausedUntil;
  }

  failed(): void {
    this.failures += 1;
    const pauseMs = Math.min(this.usualMs * 2 ** this.failures, Math.max(this.usualMs, longestMs));
    this.pausedUntil = this.clock.monotonic() + pauseMs;
  }

  succeeded(): void {
    this.failures = 0;
    this.pausedUntil = -Infinity;
  }
}
