/**
 * The counts in the text format of Prometheus, made anew for each scrape. Labels are names of operations, error codes,
 * session kinds, transports and caches: none of them is chosen by a client, so that the series are finitely many.
 */
import type { ServerReport } from '../../types/monitor.js';
import type { CallTally } from './call-tally.js';
import type { LatencyHistogram } from './latency-histogram.js';
import type { ProcessUsage } from './process-usage.js';

export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

export interface Exposed {
  readonly report: ServerReport;
  readonly calls: CallTally;
  readonly storedSessions: number;
  readonly process: ProcessUsage;
}

/** Bounds of the exposed buckets: powers of two from 1/4 ms to 65 s, each of which is a bound of our own buckets. */
const boundsMs = Array.from({ length: 19 }, (_, step) => 2 ** (step - 2));

export async function expose(exposed: Exposed): Promise<Exposition> {
  // Only who is scraped needs it.
  const { AggregatorRegistry } = await import('prom-client');
  const metrics = [
    durations(exposed.calls),
    errors(exposed.calls),
    ...traffic(exposed),
    ...sessions(exposed),
    ...caches(exposed.report),
    ...ofProcess(exposed),
  ];
  // The one way to hand over what is counted already: as the metrics of another process.
  const registry = AggregatorRegistry.aggregate([metrics]);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

type Labels = Readonly<Record<string, string>>;

interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly Value[];
}

const metric = (type: Metric['type'], name: string, help: string, values: readonly Value[]): Metric => ({
  name,
  help,
  type,
  aggregator: 'sum',
  values,
});
const counter = (name: string, help: string, values: readonly Value[]) =>
  metric('counter', name, help, values);
const gauge = (name: string, help: string, values: readonly Value[]) => metric('gauge', name, help, values);

const value = (number: number, labels: Labels = {}): Value => ({ value: number, labels });

function durations({ operations }: CallTally): Metric {
  const name = 'sojourn_operation_duration_seconds';
  const values = [...operations].flatMap(([operation, { latency }]) =>
    histogram(name, { operation }, latency),
  );
  return metric('histogram', name, 'From asking to answering, waiting in line included.', values);
}

const histogram = (name: string, labels: Labels, latency: LatencyHistogram): Value[] => [
  ...boundsMs.map((ms) => ({
    ...value(latency.countBelow(ms), { ...labels, le: String(ms / 1000) }),
    metricName: `${name}_bucket`,
  })),
  { ...value(latency.count, { ...labels, le: '+Inf' }), metricName: `${name}_bucket` },
  { ...value(latency.sumMs / 1000, labels), metricName: `${name}_sum` },
  { ...value(latency.count, labels), metricName: `${name}_count` },
];

const errors = ({ operations }: CallTally): Metric =>
  counter(
    'sojourn_operation_errors_total',
    'Calls that ended in an error.',
    [...operations].flatMap(([operation, tally]) =>
      [...tally.errors].map(([code, count]) => value(count, { operation, code })),
    ),
  );

function traffic({ report, calls }: Exposed): Metric[] {
  const operations = [...calls.operations];
  return [
    counter(
      'sojourn_calls_total',
      'Calls by what they came over.',
      report.transports.map(({ transport, call_count }) => value(call_count, { transport })),
    ),
    counter(
      'sojourn_received_bytes_total',
      'Bytes on the wire to the server.',
      operations.map(([operation, { receivedBytes }]) => value(receivedBytes, { operation })),
    ),
    counter(
      'sojourn_sent_bytes_total',
      'Bytes on the wire from the server.',
      operations.map(([operation, { sentBytes }]) => value(sentBytes, { operation })),
    ),
  ];
}

const changes = ['created', 'forked', 'woken', 'hibernated', 'deleted'] as const;

function sessions({ report, storedSessions }: Exposed): Metric[] {
  const { kinds } = report;
  return [
    gauge('sojourn_stored_sessions', 'Sessions, live or asleep.', [value(storedSessions)]),
    gauge(
      'sojourn_live_sessions',
      'Sessions with live state.',
      kinds.map(({ kind, live_sessions }) => value(live_sessions, { kind })),
    ),
    counter(
      'sojourn_session_changes_total',
      'What became of sessions.',
      kinds.flatMap((counts) =>
        changes.map((change) => value(counts[`${change}_count`], { kind: counts.kind, change })),
      ),
    ),
    counter('sojourn_sessions_found_live_total', 'Calls that found their session live.', [
      value(report.found_live_count),
    ]),
    gauge('sojourn_sessions_memory_bytes', 'Memory of live sessions.', [value(report.memory_bytes)]),
    gauge('sojourn_sessions_stored_bytes', 'Stored bytes of live sessions.', [value(report.stored_bytes)]),
    gauge('sojourn_queue_length', 'Writes that wait in live sessions.', [value(report.queue_length)]),
  ];
}

const caches = (report: ServerReport): Metric[] => [
  counter(
    'sojourn_cache_hits_total',
    'Found in a cache of an engine.',
    report.caches.map(({ kind, cache, hit_count }) => value(hit_count, { kind, cache })),
  ),
  counter(
    'sojourn_cache_misses_total',
    'Not found in a cache of an engine, and fetched.',
    report.caches.map(({ kind, cache, miss_count }) => value(miss_count, { kind, cache })),
  ),
];

const ofProcess = ({ process, report }: Exposed): Metric[] => [
  gauge('process_resident_memory_bytes', 'Memory of the server process.', [value(process.memoryBytes)]),
  counter('process_cpu_seconds_total', 'Processor time of the server process.', [value(process.cpuS)]),
  gauge('process_start_time_seconds', 'When the server started, since 1970.', [
    value(Date.parse(report.since) / 1000),
  ]),
];
