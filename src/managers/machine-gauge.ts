/** What the machine has left for sessions. Only Linux tells all of it; what others do not tell is null. */
import { UsageMeter } from '../core/usage-meter.js';
import type { MachineHealth } from '../types/health.js';
import type { IClock, IFiles } from '../types/ports.js';

/** Between the two readings that the very first look takes. */
const firstWindowMs = 100;

export class MachineGauge {
  private readonly processors = new UsageMeter();
  private looking: Promise<MachineHealth> | null = null;

  /** @param folder on the disk whose space counts */
  constructor(
    private readonly files: IFiles,
    private readonly clock: IClock,
    private readonly folder: string,
  ) {}

  /** Whoever asks while a look is under way gets what it finds. */
  look(): Promise<MachineHealth> {
    this.looking ??= this.measure().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async measure(): Promise<MachineHealth> {
    const [memory, cpu_percent, disk_free_bytes] = await Promise.all([
      this.text('/proc/meminfo'),
      this.processorPercent(),
      this.files.freeBytes(this.folder),
    ]);
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(memory ?? '')?.[1];
    return {
      memory_available_bytes: available === undefined ? null : Number(available) * 1024,
      cpu_percent,
      disk_free_bytes,
    };
  }

  private async processorPercent(): Promise<number | null> {
    const text = await this.text('/proc/stat');
    if (text === null) return null;
    const first = this.percent(text);
    if (first !== null) return first;
    await new Promise<void>((resolve) => void this.clock.setTimer(firstWindowMs, resolve));
    const again = await this.text('/proc/stat');
    return again === null ? null : this.percent(again);
  }

  private percent(stat: string): number | null {
    const percent = this.processors.percent(usedMs(stat), this.clock.monotonic());
    // The counters are not read at the very moment of the clock.
    return percent === null ? null : Math.min(100, percent);
  }

  private async text(path: string): Promise<string | null> {
    try {
      return new TextDecoder().decode(await this.files.read(path));
    } catch {
      // This system has no such file: there is nothing to tell.
      return null;
    }
  }
}

/** Time that the average processor was at work, from the counters of Linux in hundredths of a second (proc_stat(5)). */
function usedMs(stat: string): number {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  const processors = [...stat.matchAll(/^cpu\d+ /gm)].length || 1;
  return ((user + nice + system + irq + softirq + steal) * 10) / processors;
}
