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
      readText(this.files, '/proc/meminfo'),
      this.processorPercent(),
      this.files.freeBytes(this.folder),
    ]);
    return {
      memory_available_bytes: bytesOf('MemAvailable', memory),
      cpu_percent,
      disk_free_bytes,
    };
  }

  private async processorPercent(): Promise<number | null> {
    const text = await readText(this.files, '/proc/stat');
    if (text === null) return null;
    const first = this.percent(text);
    if (first !== null) return first;
    await new Promise<void>((resolve) => void this.clock.setTimer(firstWindowMs, resolve));
    const again = await readText(this.files, '/proc/stat');
    return again === null ? null : this.percent(again);
  }

  private percent(stat: string): number | null {
    const percent = this.processors.percent(usedMs(stat), this.clock.monotonic());
    // The counters are not read at the very moment of the clock.
    return percent === null ? null : Math.min(100, percent);
  }
}

/** How much of the machine's memory can be had still, from 0 to 1; null where the system does not tell. */
export async function memoryAvailableShare(files: IFiles): Promise<number | null> {
  const memory = await readText(files, '/proc/meminfo');
  const [available, total] = [bytesOf('MemAvailable', memory), bytesOf('MemTotal', memory)];
  return available === null || total === null ? null : available / total;
}

function bytesOf(name: string, memory: string | null): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(memory ?? '')?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

async function readText(files: IFiles, path: string): Promise<string | null> {
  try {
    return new TextDecoder().decode(await files.read(path));
  } catch {
    // This system has no such file: there is nothing to tell.
    return null;
  }
}

/** Time that the average processor was at work, from the counters of Linux in hundredths of a second (proc_stat(5)). */
function usedMs(stat: string): number {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  const processors = [...stat.matchAll(/^cpu\d+ /gm)].length || 1;
  return ((user + nice + system + irq + softirq + steal) * 10) / processors;
}
