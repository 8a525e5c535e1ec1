/** How a live session is, and whether it answers: told without waking it, waiting for it or counting as a use of it. */
import type { IEngine } from '../types/engine.js';
import { isSojournError } from '../types/errors.js';
import type { HealthStatus, ProcessHealth, Responsiveness, SessionHealth, Vitals } from '../types/health.js';
import type { IClock } from '../types/ports.js';
import type { SessionMetadata, SessionRecord } from '../types/session.js';
import type { Incarnation } from './incarnation.js';
import type { Mailbox } from './mailbox.js';

export interface VitalsHost {
  record(): SessionRecord;
  readonly mailbox: Mailbox;
  readonly incarnation: Incarnation;
  /** The instance has ended, though not the session. */
  isEnded(): boolean;
}

const noProcess: ProcessHealth = {
  pid: null,
  memory: { pss_bytes: null, private_bytes: null },
  cpu_percent: null,
  threads: null,
  started_at: null,
  uptime_s: null,
};

export class SessionVitals implements Vitals {
  private executions = 0;
  private sumMs = 0;
  private lastMs: number | null = null;

  constructor(
    private readonly clock: IClock,
    private readonly host: VitalsHost,
  ) {}

  /** Counts an execution that took so long. */
  add(durationMs: number): void {
    this.executions += 1;
    this.sumMs += durationMs;
    this.lastMs = durationMs;
  }

  async health(): Promise<SessionHealth> {
    const { incarnation, mailbox } = this.host;
    const looked = (await incarnation.current?.processHealth?.()) ?? null;
    const average = this.sumMs / this.executions;
    return {
      ...countsOf(this.host.record()),
      ...(looked ?? noProcess),
      // Of a process that ended while it was looked at nothing is left to tell.
      ...(incarnation.current ? {} : noProcess),
      status: this.status(),
      error: incarnation.deathDetail,
      queue_length: mailbox.length,
      warm_checkpoints: incarnation.warm.count,
      last_execution_ms: this.lastMs,
      average_execution_ms: this.executions === 0 ? null : Math.round(average * 1000) / 1000,
    };
  }

  async checkResponsiveness(timeoutMs: number): Promise<Omit<Responsiveness, 'timeout_s'>> {
    const engine = this.host.incarnation.coming;
    const answer = engine
      ? await this.answerWithin(engine, timeoutMs)
      : { responsive: false, response_time_s: null };
    return { ...answer, status: this.status() };
  }

  private async answerWithin(engine: Promise<IEngine>, timeoutMs: number) {
    const started = this.clock.monotonic();
    // An engine that cannot be pinged lives in the server's own process, which answers right here.
    const answered = engine.then((found) => found.ping?.()).then(() => true, isGone);
    // Whoever has given up does not hear what becomes of it.
    answered.catch(() => undefined);
    let timer: { cancel(): void } | undefined;
    const late = new Promise<false>((resolve) => {
      timer = this.clock.setTimer(timeoutMs, () => resolve(false));
    });
    const responsive = await Promise.race([answered, late]).finally(() => timer?.cancel());
    return { responsive, response_time_s: Math.round(this.clock.monotonic() - started) / 1000 };
  }

  private status(): HealthStatus {
    const { incarnation, mailbox } = this.host;
    if (incarnation.current) return mailbox.busy ? 'busy' : 'healthy';
    if (this.host.isEnded()) return 'hibernated';
    return incarnation.deathDetail === null ? 'restoring' : 'dead';
  }
}

/** A session without live state: what is stored says it all. */
export const healthAsleep = (metadata: SessionMetadata): SessionHealth => ({
  ...countsOf(metadata),
  ...noProcess,
  status: metadata.error ? 'failed' : 'hibernated',
  error: metadata.error?.detail ?? null,
  queue_length: 0,
  warm_checkpoints: 0,
  last_execution_ms: null,
  average_execution_ms: null,
});

const countsOf = ({
  session_id,
  total_executions,
  epoch,
}: Pick<SessionRecord, 'session_id' | 'total_executions' | 'epoch'>) => ({
  session_id,
  executions: total_executions,
  epoch,
  restarts: epoch - 1,
});

/** What ended while it was asked does not answer; that it ended is told elsewhere. */
function isGone(error: unknown): false {
  const codes = ['kernel_died', 'closed', 'engine_unavailable', 'timeout', 'storage_error'];
  if (isSojournError(error) && codes.includes(error.code)) return false;
  throw error;
}
