/** What the machine says about a kernel's process: read on demand, never asked of the kernel, which may be busy. */
import { UsageMeter } from '../../core/usage-meter.js';
import type { ProcessHealth } from '../../types/health.js';
import type { IClock, IFiles } from '../../types/ports.js';
import { readText } from './memory.js';
import type { Footprint, MemoryProbe } from './memory.js';

const looksMax = 5;

export class ProcessGauge {
  private readonly processor = new UsageMeter();
  private started = { atMs: 0, now: 0 };
  private looking: Promise<ProcessHealth> | null = null;

  /** @param family the kernel, then its copies: what it shares with them is its own memory still */
  constructor(
    private readonly family: () => Promise<readonly [number, ...number[]]>,
    private readonly probe: MemoryProbe,
    private readonly ports: { readonly files: IFiles; readonly clock: IClock },
  ) {}

  /** To be called when the process has begun. */
  start(): void {
    const { clock } = this.ports;
    this.started = { atMs: clock.monotonic(), now: clock.now() };
    // A forked process begins with no processor time of its own.
    this.processor.percent(0, this.started.atMs);
  }

  /** Whoever asks while a look is under way gets what it finds. */
  look(): Promise<ProcessHealth> {
    this.looking ??= this.measure().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** Looks again when a copy came or went meanwhile: its share of what it had in common was counted nowhere. */
  private async footprint(): Promise<{ pid: number; memory: Footprint | null }> {
    let family = await this.family();
    for (let look = 1; ; look += 1) {
      const memory = await this.probe.look(family);
      const now = await this.family();
      if (look === looksMax || now.join() === family.join()) return { pid: now[0], memory };
      family = now;
    }
  }

  private async measure(): Promise<ProcessHealth> {
    const { pid, memory } = await this.footprint();
    const stat = await readText(this.ports.files, `/proc/${pid}/stat`);
    const atMs = this.ports.clock.monotonic();
    const found = stat === null ? null : readStat(stat);
    return {
      pid,
      memory: {
        pss_bytes: memory && memory.pss,
        private_bytes: memory && [...memory.own.values()].reduce((sum, bytes) => sum + bytes, 0),
      },
      cpu_percent: found && this.processor.percent(found.usedMs, atMs),
      threads: found && found.threads,
      started_at: new Date(this.started.now).toISOString(),
      uptime_s: Math.round(atMs - this.started.atMs) / 1000,
    };
  }
}

/**
 * From proc_stat(5): processor time, which Linux counts for programs in hundredths of a second, and threads. The
 * command stands in parentheses and may contain any byte, a parenthesis too.
 */
function readStat(stat: string): { usedMs: number; threads: number } | null {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user, system, threads] = [fields[11], fields[12], fields[17]];
  // A process that has ended and is not yet taken leave of has no threads.
  if (user === undefined || system === undefined || !threads) return null;
  return { usedMs: (user + system) * 10, threads };
}
