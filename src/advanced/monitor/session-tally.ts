/**
 * What is counted of one session: about 5 kB where five operations were called, 5 kB more while it is live, and never
 * more than the operations of the catalogue make of it. `bench/monitor.ts` measures it.
 */
import type { SessionMetrics } from '../../types/monitor.js';
import { CallTally } from './call-tally.js';
import { MinuteSeries } from './minute-series.js';

/** So many timings the average is of, as the reference monitor has it. */
const timingsMax = 100;

export class SessionTally {
  readonly calls = new CallTally();
  commandCount = 0;
  memoryBytes = 0;
  peakMemoryBytes = 0;
  storedBytes = 0;
  queueLength = 0;
  foundLiveCount = 0;
  wakeCount = 0;
  hibernationCount = 0;
  /** Milliseconds since 1970. */
  lastAccessed: number | null = null;
  private timings: number[] = [];

  /** @param owner null where it was never heard of as live, so that nobody knows whose it is */
  constructor(
    public owner: string | null,
    private readonly madeAt: number,
  ) {}

  get averageMs(): number {
    const total = this.timings.reduce((sum, ms) => sum + ms, 0);
    return this.timings.length === 0 ? 0 : total / this.timings.length;
  }

  addCommand(ms: number, at: number): void {
    this.timings[this.commandCount % timingsMax] = ms;
    this.commandCount += 1;
    this.lastAccessed = at;
  }

  setMemory(bytes: number): void {
    this.memoryBytes = bytes;
    this.peakMemoryBytes = Math.max(this.peakMemoryBytes, bytes);
  }

  wake(owner: string): void {
    this.owner = owner;
    this.calls.series ??= new MinuteSeries();
  }

  /** What only a live session has goes. */
  sleep(): void {
    this.calls.series = null;
    this.memoryBytes = 0;
    this.queueLength = 0;
  }

  metrics(): SessionMetrics {
    return {
      commandCount: this.commandCount,
      averageExecutionTime: this.averageMs,
      peakMemoryUsage: this.peakMemoryBytes,
      lastAccessed: new Date(this.lastAccessed ?? this.madeAt),
      sessionSize: this.storedBytes,
    };
  }
}
