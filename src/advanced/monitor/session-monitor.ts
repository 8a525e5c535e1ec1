/**
 * Keeps the tallies of sessions and of the server. Live sessions are as many as the pool holds; of those that sleep
 * the ones that were used last are remembered, and deleted ones are forgotten.
 */
import type { SessionChange } from '../../types/managers.js';
import type { AggregateMetrics, ISessionMonitor, SessionMetrics } from '../../types/monitor.js';
import type { IClock } from '../../types/ports.js';
import { CallTally } from './call-tally.js';
import { MinuteSeries } from './minute-series.js';
import { SessionTally } from './session-tally.js';

/** Sleeping sessions that are remembered. */
export const asleepMax = 10_000;

export interface Sizes {
  readonly memoryBytes: number;
  readonly queueLength: number;
}

export interface TransportTally {
  calls: number;
  receivedBytes: number;
  sentBytes: number;
}

export type ChangeCounts = Record<SessionChange['type'], number>;

export class SessionMonitor implements ISessionMonitor {
  /** All calls since the start, of sessions that are gone too. */
  readonly server = new CallTally();
  readonly since: number;
  foundLiveCount = 0;
  /** By session kind, of which there are as many as engines. */
  readonly changes = new Map<string, ChangeCounts>();
  /** By the names of the server's own transports. */
  readonly transports = new Map<string, TransportTally>();
  private readonly live = new Map<string, SessionTally>();
  /** Least recently used first. */
  private readonly asleep = new Map<string, SessionTally>();

  constructor(private readonly clock: IClock) {
    this.since = clock.now();
    this.server.series = new MinuteSeries();
  }

  find(session: string): SessionTally | undefined {
    return this.live.get(session) ?? this.asleep.get(session);
  }

  transport(name: string): TransportTally {
    const tally = this.transports.get(name) ?? { calls: 0, receivedBytes: 0, sentBytes: 0 };
    this.transports.set(name, tally);
    return tally;
  }

  /** Those that `belongs` lets through. */
  tallies(belongs: (owner: string | null) => boolean): SessionTally[] {
    return [...this.live.values(), ...this.asleep.values()].filter(({ owner }) => belongs(owner));
  }

  hear({ type, session_id, kind, owner }: SessionChange): void {
    const counts = this.changes.get(kind) ?? noChanges();
    counts[type] += 1;
    this.changes.set(kind, counts);
    if (type === 'deleted') this.clearMetrics(session_id);
    else if (type === 'hibernated') this.fellAsleep(session_id);
    else this.becameLive(session_id, type === 'woken' ? this.find(session_id) : undefined, owner);
    const tally = this.find(session_id);
    if (type === 'woken' && tally) tally.wakeCount += 1;
    if (type === 'hibernated' && tally) tally.hibernationCount += 1;
  }

  /** What a live session takes at the moment. */
  sample({ id, owner }: { id: string; owner: string }, sizes: Sizes): void {
    if (!this.live.has(id)) this.becameLive(id, this.asleep.get(id), owner);
    this.updateMemoryUsage(id, sizes.memoryBytes);
    const tally = this.tallyOf(id);
    tally.queueLength = sizes.queueLength;
    tally.calls.series?.addSample(this.clock.now(), sizes.memoryBytes, sizes.queueLength);
  }

  /** Sessions that left the pool without a word, as one does whose engine broke. */
  keepLive(isLive: (session: string) => boolean): void {
    for (const session of [...this.live.keys()]) if (!isLive(session)) this.fellAsleep(session);
  }

  recordCommandExecution(session: string, ms: number): void {
    this.tallyOf(session).addCommand(ms, this.clock.now());
  }

  updateMemoryUsage(session: string, bytes: number): void {
    this.tallyOf(session).setMemory(bytes);
  }

  updateSessionSize(session: string, bytes: number): void {
    this.tallyOf(session).storedBytes = bytes;
  }

  getMetrics(session: string): SessionMetrics | null {
    return this.find(session)?.metrics() ?? null;
  }

  getAllMetrics(): Map<string, SessionMetrics> {
    return new Map([...this.live, ...this.asleep].map(([session, tally]) => [session, tally.metrics()]));
  }

  getAggregateMetrics(): AggregateMetrics {
    return aggregate(this.tallies(() => true));
  }

  clearMetrics(session: string): void {
    this.live.delete(session);
    this.asleep.delete(session);
  }

  clearAllMetrics(): void {
    this.live.clear();
    this.asleep.clear();
  }

  private becameLive(session: string, known: SessionTally | undefined, owner: string): void {
    const tally = known ?? new SessionTally(owner, this.clock.now());
    tally.wake(owner);
    this.asleep.delete(session);
    this.live.set(session, tally);
  }

  private fellAsleep(session: string): void {
    const tally = this.live.get(session);
    if (!tally) return;
    this.live.delete(session);
    tally.sleep();
    this.remember(session, tally);
  }

  private tallyOf(session: string): SessionTally {
    const live = this.live.get(session);
    if (live) return live;
    const tally = this.asleep.get(session) ?? new SessionTally(null, this.clock.now());
    this.asleep.delete(session);
    this.remember(session, tally);
    return tally;
  }

  private remember(session: string, tally: SessionTally): void {
    this.asleep.set(session, tally);
    const [oldest] = this.asleep.keys();
    if (this.asleep.size > asleepMax && oldest !== undefined) this.asleep.delete(oldest);
  }
}

export function aggregate(tallies: readonly SessionTally[]): AggregateMetrics {
  let totalCommands = 0;
  let weighted = 0;
  let totalMemoryUsage = 0;
  for (const tally of tallies) {
    totalCommands += tally.commandCount;
    weighted += tally.averageMs * tally.commandCount;
    totalMemoryUsage += tally.peakMemoryBytes;
  }
  const averageExecutionTime = totalCommands === 0 ? 0 : weighted / totalCommands;
  return { totalSessions: tallies.length, totalCommands, averageExecutionTime, totalMemoryUsage };
}

const noChanges = (): ChangeCounts => ({ created: 0, forked: 0, woken: 0, hibernated: 0, deleted: 0 });
