/** What the machine says about memory: a kernel's private bytes, and whether it had to kill for want of memory. */
import type { Disposable, IClock, IFiles, Timer } from '../../types/ports.js';

const refreshMs = 1000;
/** Long enough that measuring never delays the answer to the run before. */
const settleMs = 50;

/** A kernel's private memory, read from time to time and never on the way of a request. */
export class MemoryGauge implements Disposable {
  private bytes = 0;
  private measuredAt = -Infinity;
  private timer: Timer | null = null;
  private closed = false;

  constructor(
    private readonly pid: number,
    private readonly files: IFiles,
    private readonly clock: IClock,
  ) {}

  /** The bytes as last measured. */
  read(): number {
    this.touch();
    return this.bytes;
  }

  /** Says that the value may have changed. */
  touch(): void {
    if (this.timer || this.closed) return;
    const dueMs = Math.max(settleMs, refreshMs - (this.clock.monotonic() - this.measuredAt));
    this.timer = this.clock.setTimer(
      this.measuredAt === -Infinity ? settleMs : dueMs,
      () => void this.measure(),
    );
  }

  dispose(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = null;
  }

  private async measure(): Promise<void> {
    this.measuredAt = this.clock.monotonic();
    const memory = await readMemory(this.files, this.pid);
    this.timer = null;
    if (memory === null || this.closed) return;
    this.bytes = memory.private;
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
