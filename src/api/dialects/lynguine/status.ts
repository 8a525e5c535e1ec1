/** What lynguine tells of itself: that it is there, which version it is, and how the server fares. */
import { z } from 'zod';
import type { DialectAnswer, DialectCall } from '../../../types/dialect.js';
import type { IClock } from '../../../types/ports.js';
import { json } from './answers.js';

/** The release whose protocol this dialect speaks. */
const spoken = '0.1.2';

export interface Machine {
  /** Memory of the machine, in bytes. */
  readonly totalMemoryBytes: number;
  /** Processor time of the server until now, in seconds. */
  cpuSeconds(): number;
}

export interface StatusOptions {
  readonly clock: Pick<IClock, 'monotonic'>;
  readonly machine: Machine;
  /** Seconds without a request after which the server ends; 0 = never. */
  readonly idleTimeoutS: number;
}

const endpoints = [
  'GET  /api/health',
  'GET  /api/ping',
  'GET  /api/status',
  'POST /api/read_data',
  'POST /api/write_data',
  'POST /api/compute',
];

const statusSchema = z.object({ pid: z.number(), uptime_s: z.number(), memory_bytes: z.number() });

export class Status {
  private measuredAt: number;
  private cpuSeconds: number;

  constructor(private readonly options: StatusOptions) {
    this.measuredAt = options.clock.monotonic();
    this.cpuSeconds = options.machine.cpuSeconds();
  }

  ping(): Promise<DialectAnswer> {
    return Promise.resolve(json(200, { status: 'ok', message: 'pong' }));
  }

  health(): Promise<DialectAnswer> {
    return Promise.resolve(json(200, { status: 'ok', server: 'lynguine-server-poc', version: spoken }));
  }

  async status(call: DialectCall): Promise<DialectAnswer> {
    const { pid, uptime_s, memory_bytes } = statusSchema.parse(await call('status', {}));
    const percent = (memory_bytes / this.options.machine.totalMemoryBytes) * 100;
    return json(200, {
      status: 'ok',
      server: 'lynguine-server',
      version: spoken,
      pid,
      uptime_seconds: uptime_s,
      endpoints,
      idle_timeout: this.idleTimeout(),
      memory: { rss_mb: memory_bytes / 1024 ** 2, percent },
      cpu_percent: this.cpuPercent(),
    });
  }

  /** Whoever asks is there: nothing of the time is over yet. */
  private idleTimeout(): object {
    const seconds = this.options.idleTimeoutS;
    if (seconds === 0) return { enabled: false };
    return { enabled: true, timeout_seconds: seconds, idle_seconds: 0, remaining_seconds: seconds };
  }

  /** Of one processor, since it was asked last. */
  private cpuPercent(): number {
    const { clock, machine } = this.options;
    const [now, used] = [clock.monotonic(), machine.cpuSeconds()];
    const elapsedS = (now - this.measuredAt) / 1000;
    const percent = elapsedS > 0 ? ((used - this.cpuSeconds) / elapsedS) * 100 : 0;
    this.measuredAt = now;
    this.cpuSeconds = used;
    return Math.round(percent * 10) / 10;
  }
}
