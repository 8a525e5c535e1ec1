/** What the machine says about memory: a kernel's private bytes, and whether it had to kill for want of memory. */
import type { Disposable, IClock, IFiles, Timer } from '../../types/ports.js';

const refreshMs = 1000;
/** For a kernel that runs nothing: only threads and tasks left behind can change it. */
const idleRefreshMs = 10_000;
/** Long enough that measuring never delays the answer to the run before. */
const settleMs = 50;
/** Of the time in which kernels could be measured, at most a tenth goes into it. */
const restFactor = 9;

/**
 * Measures kernels one after the other. The machine walks a process's whole page table for it, milliseconds with large
 * libraries loaded, so that hundreds of kernels measured at will would take a processor of their own.
 */
export class MemoryProbe {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly files: IFiles,
    private readonly clock: IClock,
  ) {}

  /** Private bytes; null when the process is gone, or `isWanted` says no when its turn has come. */
  measure(pid: number, isWanted: () => boolean): Promise<number | null> {
    const measuring = this.last.then(async () => {
      if (!isWanted()) return { bytes: null, tookMs: 0 };
      const started = this.clock.monotonic();
      const memory = await readMemory(this.files, pid);
      return { bytes: memory?.private ?? null, tookMs: this.clock.monotonic() - started };
    });
    this.last = measuring.then(({ tookMs }) => this.rest(tookMs * restFactor));
    return measuring.then(({ bytes }) => bytes);
  }

  private rest(ms: number): Promise<void> | void {
    if (ms > 0) return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }
}

/** A kernel's private memory, read from time to time and never on the way of a request. */
export class MemoryGauge implements Disposable {
  private bytes = 0;
  private measuredAt = -Infinity;
  private timer: Timer | null = null;
  private closed = false;

  constructor(
    private readonly pid: number,
    private readonly probe: MemoryProbe,
    private readonly clock: IClock,
  ) {}

  /** The bytes as last measured. */
  read(): number {
    if (this.clock.monotonic() - this.measuredAt > idleRefreshMs) this.touch();
    return this.bytes;
  }

  /** Says that the value may have changed. */
  touch(): void {
    if (this.timer || this.closed) return;
    const dueMs = Math.max(settleMs, refreshMs - (this.clock.monotonic() - this.measuredAt));
    this.timer = this.clock.setTimer(dueMs, () => void this.measure());
  }

  dispose(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = null;
  }

  private async measure(): Promise<void> {
    const bytes = await this.probe.measure(this.pid, () => !this.closed);
    this.measuredAt = this.clock.monotonic();
    this.timer = null;
    if (bytes !== null && !this.closed) this.bytes = bytes;
  }
}

/** Counts the machine's out-of-memory kills, so that a SIGKILL from nowhere can be told from one. Best effort. */
export class OutOfMemoryWatch {
  private count: number | null = null;

  constructor(private readonly files: IFiles) {}

  async refresh(): Promise<void> {
    this.count ??= await this.read();
  }

  /** True when the machine has killed for want of memory since the last look. */
  async hasKilled(): Promise<boolean> {
    const before = this.count;
    this.count = await this.read();
    return before !== null && this.count !== null && this.count > before;
  }

  private async read(): Promise<number | null> {
    const text = await readText(this.files, '/proc/vmstat');
    const match = text?.match(/^oom_kill (\d+)$/m);
    return match ? Number(match[1]) : null;
  }
}

/** Bytes: what is the process's alone, and that with its share of the rest (PSS). Null when it cannot be told. */
export async function readMemory(
  files: IFiles,
  pid: number,
): Promise<{ private: number; pss: number } | null> {
  const text = await readText(files, `/proc/${pid}/smaps_rollup`);
  if (!text) return null;
  const sum = (names: RegExp) =>
    [...text.matchAll(names)].reduce((total, match) => total + Number(match[1]), 0) * 1024;
  return {
    private: sum(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm),
    pss: sum(/^Pss:\s+(\d+) kB$/gm),
  };
}

export async function readText(files: IFiles, path: string): Promise<string | null> {
  try {
    return new TextDecoder().decode(await files.read(path));
  } catch {
    // The process is gone, or this system has no such file: there is nothing to tell.
    return null;
  }
}
