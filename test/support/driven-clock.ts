/** A clock that stands still until a test moves it. Timers that are due then fire once, in order, at the new time. */
import type { IClock, Timer } from '../../src/types/ports.js';

interface Entry {
  readonly at: number;
  readonly callback: () => void;
}

export class DrivenClock implements IClock {
  private readonly timers = new Set<Entry>();

  constructor(private time = Date.parse('2026-01-01T00:00:00Z')) {}

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = { at: this.time + delayMs, callback };
    this.timers.add(entry);
    return { cancel: () => void this.timers.delete(entry) };
  }

  advance(ms: number): void {
    this.time += ms;
    const due = [...this.timers].filter(({ at }) => at <= this.time).sort((a, b) => a.at - b.at);
    for (const entry of due) {
      if (this.timers.delete(entry)) entry.callback();
    }
  }

  advanceDays(days: number): void {
    this.advance(days * 24 * 3600 * 1000);
  }
}
