/**
 * What is counted of sessions and of the server since it started: shapes of the reports, and the monitor itself.
 * Everything is in memory and of bounded size; nothing of it is stored.
 */
import { z } from 'zod';

export const ISessionMonitor = Symbol.for('sojourn.ISessionMonitor');
/** Names and meaning are those of the reference session monitor. Times in milliseconds, sizes in bytes. */
export interface ISessionMonitor {
  recordCommandExecution(session: string, ms: number): void;
  /** The peak of what was told is kept. */
  updateMemoryUsage(session: string, bytes: number): void;
  updateSessionSize(session: string, bytes: number): void;
  /** Null for a session of which nothing was recorded. */
  getMetrics(session: string): SessionMetrics | null;
  getAllMetrics(): Map<string, SessionMetrics>;
  getAggregateMetrics(): AggregateMetrics;
  clearMetrics(session: string): void;
  clearAllMetrics(): void;
}
export interface SessionMetrics {
  commandCount: number;
  /** Of the last 100 commands; 0 when there was none. */
  averageExecutionTime: number;
  peakMemoryUsage: number;
  lastAccessed: Date;
  sessionSize: number;
}
export interface AggregateMetrics {
  totalSessions: number;
  totalCommands: number;
  /** Averages of sessions, weighted by their commands. */
  averageExecutionTime: number;
  /** Sum of the sessions' peaks. */
  totalMemoryUsage: number;
}

const count = z.number().int().nonnegative();
const milliseconds = z.number().nonnegative().nullable();

export const latencySchema = z.object({
  average_ms: milliseconds,
  p50_ms: milliseconds,
  p95_ms: milliseconds,
  p99_ms: milliseconds,
  max_ms: milliseconds,
});
/** From asking to answering, waiting in line included; percentiles are off by 3.2 % at most. Null without calls. */
export type Latency = z.infer<typeof latencySchema>;

const trafficSchema = z.object({
  call_count: count,
  error_count: count.describe('Of the calls, those that ended in an error of the table of codes.'),
  received_bytes: count.describe('As on the wire, headers included; calls within the process have none.'),
  sent_bytes: count,
});

export const operationReportSchema = z
  .object({ operation: z.string() })
  .extend(trafficSchema.shape)
  .extend(latencySchema.shape);
export type OperationReport = z.infer<typeof operationReportSchema>;

export const metricsPointSchema = z
  .object({ at: z.string().describe('The beginning of the minute.') })
  .extend(trafficSchema.shape)
  .extend({
    average_ms: milliseconds,
    max_ms: milliseconds,
    memory_bytes: count.describe('The most that was seen in the minute.'),
    queue_length: count.describe('The most that was seen in the minute.'),
  });
export type MetricsPoint = z.infer<typeof metricsPointSchema>;

const callsSchema = trafficSchema.extend({
  latency: latencySchema.describe('Of all operations but those that wait on purpose.'),
  operations: z.array(operationReportSchema).describe('Those that were called, by name.'),
  errors: z.record(z.string(), count).describe('By error code.'),
  series: z.array(metricsPointSchema).optional().describe('The last hour, a point a minute; oldest first.'),
});
export type CallsReport = z.infer<typeof callsSchema>;

export const sessionReportSchema = z
  .object({
    session_id: z.string(),
    kind: z.string(),
    live: z.boolean(),
    command_count: count.describe('Writes that took their turn in the session and were answered.'),
    average_execution_ms: z.number().nonnegative().describe('Of the last 100 commands; 0 without any.'),
    last_accessed: z.string().nullable().describe('When its last counted call ended.'),
    memory_bytes: count,
    peak_memory_bytes: count,
    stored_bytes: count,
    queue_length: count.describe('Writes that wait; the running one is not counted.'),
    found_live_count: count.describe('Calls that found the session live.'),
    wake_count: count,
    hibernation_count: count,
  })
  .extend(callsSchema.shape);
export type SessionReport = z.infer<typeof sessionReportSchema>;

export const kindReportSchema = z.object({
  kind: z.string(),
  live_sessions: count,
  created_count: count,
  forked_count: count,
  woken_count: count,
  hibernated_count: count,
  deleted_count: count,
});
export type KindReport = z.infer<typeof kindReportSchema>;

export const cacheReportSchema = z.object({
  kind: z.string(),
  cache: z.string(),
  hit_count: count,
  miss_count: count,
});
export type CacheReport = z.infer<typeof cacheReportSchema>;

export const transportReportSchema = z.object({
  transport: z.string(),
  call_count: count,
  received_bytes: count,
  sent_bytes: count,
});
export type TransportReport = z.infer<typeof transportReportSchema>;

export const serverReportSchema = z
  .object({
    scope: z
      .enum(['server', 'own'])
      .describe("`own`: of the caller's sessions only, as far as they are known."),
    since: z.string(),
    total_sessions: count.describe('Sessions that something was recorded of and that are not deleted.'),
    live_sessions: count,
    total_commands: count,
    average_execution_ms: z.number().nonnegative(),
    total_memory_bytes: count.describe("Sum of the sessions' peaks."),
    memory_bytes: count.describe('Of live sessions, now.'),
    stored_bytes: count.describe('Of live sessions, now.'),
    queue_length: count.describe('Writes that wait in all live sessions together.'),
    found_live_count: count,
    wake_count: count,
    hibernation_count: count,
    kinds: z.array(kindReportSchema).describe('Empty where the scope is `own`.'),
    transports: z.array(transportReportSchema).describe('Likewise.'),
    caches: z.array(cacheReportSchema).describe('What engines tell; empty where the scope is `own`.'),
  })
  .extend(callsSchema.shape);
export type ServerReport = z.infer<typeof serverReportSchema>;
