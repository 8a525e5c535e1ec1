/**
 * Calls added up by operation and by error code, of one session or of the whole server. Its keys are names of the
 * catalogue and codes of the error table, never anything a client chooses, so that its size is bounded.
 */
import type { ErrorCode } from '../../types/errors.js';
import type { CallsReport, Latency, OperationReport } from '../../types/monitor.js';
import type { Operation, WireBytes } from '../../types/operation.js';
import { LatencyHistogram } from './latency-histogram.js';
import { MinuteSeries } from './minute-series.js';

export interface EndedCall {
  readonly operation: Operation;
  readonly ms: number;
  /** Null for a call that was answered. */
  readonly code: ErrorCode | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const noErrors: ReadonlyMap<ErrorCode, number> = new Map();

export class OperationTally {
  readonly latency = new LatencyHistogram();
  /** Made with the first error: most operations of most sessions have none. */
  private failed: Map<ErrorCode, number> | null = null;
  receivedBytes = 0;
  sentBytes = 0;

  /** @param waits it waits on purpose: how long it takes is no latency of the server's */
  constructor(readonly waits: boolean) {}

  get errors(): ReadonlyMap<ErrorCode, number> {
    return this.failed ?? noErrors;
  }

  get errorCount(): number {
    return sum(this.errors.values());
  }

  merge(other: OperationTally): void {
    this.latency.merge(other.latency);
    for (const [code, count] of other.errors) this.addError(code, count);
    this.receivedBytes += other.receivedBytes;
    this.sentBytes += other.sentBytes;
  }

  addError(code: ErrorCode, count: number): void {
    this.failed ??= new Map();
    this.failed.set(code, (this.failed.get(code) ?? 0) + count);
  }
}

export class CallTally {
  readonly operations = new Map<string, OperationTally>();
  /** Null where no series is kept. */
  series: MinuteSeries | null = null;

  add({ operation, ms, code, at }: EndedCall): void {
    const tally = this.of(operation.name, operation.waits ?? false);
    tally.latency.record(ms);
    if (code !== null) tally.addError(code, 1);
    this.series?.addCall(at, tally.waits ? null : ms, code !== null);
  }

  addBytes({ name, waits = false }: Operation, bytes: WireBytes, at: number): void {
    const tally = this.of(name, waits);
    tally.receivedBytes += bytes.received;
    tally.sentBytes += bytes.sent;
    this.series?.addBytes(at, bytes);
  }

  /** Those of several sessions together. */
  static sum(all: readonly CallTally[]): CallTally {
    const result = new CallTally();
    for (const { operations } of all)
      for (const [name, tally] of operations) result.of(name, tally.waits).merge(tally);
    result.series = MinuteSeries.sum(all.flatMap(({ series }) => series ?? []));
    return result;
  }

  /** @param now milliseconds since 1970, for the series; without it there is none */
  report(now: number | null): CallsReport {
    const tallies = [...this.operations.values()];
    const whole = new LatencyHistogram();
    for (const { waits, latency } of tallies) if (!waits) whole.merge(latency);
    return {
      call_count: sum(tallies.map(({ latency }) => latency.count)),
      error_count: sum(tallies.map((tally) => tally.errorCount)),
      received_bytes: sum(tallies.map((tally) => tally.receivedBytes)),
      sent_bytes: sum(tallies.map((tally) => tally.sentBytes)),
      latency: latencyOf(whole),
      operations: [...this.operations]
        .map(([name, tally]) => reportOf(name, tally))
        .sort((a, b) => a.operation.localeCompare(b.operation)),
      errors: this.errors(),
      ...(now === null ? {} : { series: this.series?.points(now) ?? [] }),
    };
  }

  private errors(): Record<string, number> {
    const all = new OperationTally(false);
    for (const tally of this.operations.values())
      for (const [code, count] of tally.errors) all.addError(code, count);
    return Object.fromEntries([...all.errors].sort(([a], [b]) => a.localeCompare(b)));
  }

  private of(name: string, waits: boolean): OperationTally {
    const found = this.operations.get(name);
    if (found) return found;
    const made = new OperationTally(waits);
    this.operations.set(name, made);
    return made;
  }
}

const reportOf = (operation: string, tally: OperationTally): OperationReport => ({
  operation,
  call_count: tally.latency.count,
  error_count: tally.errorCount,
  received_bytes: tally.receivedBytes,
  sent_bytes: tally.sentBytes,
  ...latencyOf(tally.latency),
});

function latencyOf(histogram: LatencyHistogram): Latency {
  const none = histogram.count === 0;
  return {
    average_ms: none ? null : rounded(histogram.sumMs / histogram.count),
    p50_ms: rounded(histogram.quantile(0.5)),
    p95_ms: rounded(histogram.quantile(0.95)),
    p99_ms: rounded(histogram.quantile(0.99)),
    max_ms: none ? null : rounded(histogram.maxMs),
  };
}

/** To a microsecond; finer than any clock of a server tells truthfully. */
const rounded = <T extends number | null>(ms: T): T => (ms === null ? ms : Math.round(ms * 1000) / 1000) as T;

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
