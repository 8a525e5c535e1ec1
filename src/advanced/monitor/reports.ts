/** Reports as operations answer them, made from tallies at the moment they are asked for. */
import type { IEngines } from '../../types/engine.js';
import type {
  CacheReport,
  KindReport,
  ServerReport,
  SessionReport,
  TransportReport,
} from '../../types/monitor.js';
import type { ISessionInstance, ISessionPool, SessionMetadata } from '../../types/session.js';
import { CallTally } from './call-tally.js';
import { aggregate } from './session-monitor.js';
import type { SessionMonitor } from './session-monitor.js';
import { SessionTally } from './session-tally.js';

/** @param now milliseconds since 1970, for the series; null for none */
export function sessionReport(
  metadata: SessionMetadata,
  live: boolean,
  known: SessionTally | undefined,
  now: number | null,
): SessionReport {
  const tally = known ?? new SessionTally(metadata.owner, 0);
  const { lastAccessed } = tally;
  return {
    session_id: metadata.session_id,
    kind: metadata.kind,
    live,
    command_count: tally.commandCount,
    average_execution_ms: rounded(tally.averageMs),
    last_accessed: lastAccessed === null ? null : new Date(lastAccessed).toISOString(),
    memory_bytes: metadata.memory_bytes,
    peak_memory_bytes: tally.peakMemoryBytes,
    stored_bytes: metadata.stored_bytes,
    queue_length: tally.queueLength,
    found_live_count: tally.foundLiveCount,
    wake_count: tally.wakeCount,
    hibernation_count: tally.hibernationCount,
    ...tally.calls.report(now),
  };
}

export interface ReportSources {
  readonly monitor: SessionMonitor;
  readonly pool: ISessionPool;
  readonly engines: IEngines;
}

/** Of the whole server. */
export function serverReport(sources: ReportSources, now: number | null): ServerReport {
  const { monitor, pool, engines } = sources;
  const changes = [...monitor.changes.values()];
  return {
    scope: 'server',
    ...sizes(
      monitor,
      monitor.tallies(() => true),
      pool.getAll(),
    ),
    found_live_count: monitor.foundLiveCount,
    wake_count: changes.reduce((sum, { woken }) => sum + woken, 0),
    hibernation_count: changes.reduce((sum, { hibernated }) => sum + hibernated, 0),
    kinds: kindReports(sources),
    transports: transportReports(monitor),
    caches: cacheReports(engines),
    ...monitor.server.report(now),
  };
}

/** Of one owner's sessions. */
export function ownReport({ monitor, pool }: ReportSources, owner: string, now: number | null): ServerReport {
  const tallies = monitor.tallies((other) => other === owner);
  const live = pool.getAll().filter((session) => session.owner === owner);
  return {
    scope: 'own',
    ...sizes(monitor, tallies, live),
    found_live_count: tallies.reduce((sum, { foundLiveCount }) => sum + foundLiveCount, 0),
    wake_count: tallies.reduce((sum, { wakeCount }) => sum + wakeCount, 0),
    hibernation_count: tallies.reduce((sum, { hibernationCount }) => sum + hibernationCount, 0),
    kinds: [],
    transports: [],
    caches: [],
    ...CallTally.sum(tallies.map(({ calls }) => calls)).report(now),
  };
}

/** Every kind, and what became of its sessions. */
function kindReports({ monitor, pool, engines }: ReportSources): KindReport[] {
  const kinds = pool.getAll().map(({ kind }) => kind);
  return [...engines.keys()].sort().map((kind) => {
    const changes = monitor.changes.get(kind);
    return {
      kind,
      live_sessions: kinds.filter((other) => other === kind).length,
      created_count: changes?.created ?? 0,
      forked_count: changes?.forked ?? 0,
      woken_count: changes?.woken ?? 0,
      hibernated_count: changes?.hibernated ?? 0,
      deleted_count: changes?.deleted ?? 0,
    };
  });
}

const transportReports = ({ transports }: SessionMonitor): TransportReport[] =>
  [...transports].map(([transport, { calls, receivedBytes, sentBytes }]) => ({
    transport,
    call_count: calls,
    received_bytes: receivedBytes,
    sent_bytes: sentBytes,
  }));

const cacheReports = (engines: IEngines): CacheReport[] =>
  [...engines.values()].flatMap((engine) =>
    Object.entries(engine.caches?.() ?? {}).map(([cache, { hits, misses }]) => ({
      kind: engine.name,
      cache,
      hit_count: hits,
      miss_count: misses,
    })),
  );

function sizes(monitor: SessionMonitor, tallies: readonly SessionTally[], live: readonly ISessionInstance[]) {
  const all = aggregate(tallies);
  const known = live.flatMap(({ id }) => monitor.find(id) ?? []);
  return {
    since: new Date(monitor.since).toISOString(),
    total_sessions: all.totalSessions,
    live_sessions: live.length,
    total_commands: all.totalCommands,
    average_execution_ms: rounded(all.averageExecutionTime),
    total_memory_bytes: all.totalMemoryUsage,
    memory_bytes: known.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    stored_bytes: known.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    queue_length: known.reduce((sum, { queueLength }) => sum + queueLength, 0),
  };
}

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;
