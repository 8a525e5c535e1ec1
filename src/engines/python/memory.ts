/** What the machine says about memory: a session's own bytes, and whether it had to kill for want of memory. */
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

  /** @param zygote the process from which all have what they share; null while there is none */
  constructor(
    private readonly files: IFiles,
    private readonly clock: IClock,
    private readonly zygote: () => number | null,
  ) {}

  /** As `look`, in turn; null also when `isWanted` says no when its turn has come. */
  measure(family: () => readonly number[], isWanted: () => boolean): Promise<Footprint | null> {
    const measuring = this.last.then(async () => {
      if (!isWanted()) return { footprint: null, tookMs: 0 };
      const started = this.clock.monotonic();
      const footprint = await this.look(family());
      return { footprint, tookMs: this.clock.monotonic() - started };
    });
    this.last = measuring.then(({ tookMs }) => this.rest(tookMs * restFactor));
    return measuring.then(({ footprint }) => footprint);
  }

  /**
   * A session's kernel and its frozen copies, at once; null when the kernel is gone. What they share is no process's
   * alone, though the session's: of what they share with others it is told by the share that the zygote has of its own.
   */
  async look([kernel = 0, ...copies]: readonly number[]): Promise<Footprint | null> {
    const own = await readMemory(this.files, kernel);
    if (!own) return null;
    if (copies.length === 0) return { own: new Map([[kernel, own.private]]), pss: own.pss };
    const [common, ...others] = await Promise.all(
      [this.zygote() ?? 0, ...copies].map((pid) => readMemory(this.files, pid)),
    );
    const shareOfAll = common ? common.pss - common.private : 0;
    const found = { own: new Map<number, number>(), pss: 0 };
    [own, ...others].forEach((memory, place) => {
      if (!memory) return;
      found.own.set([kernel, ...copies][place] ?? 0, Math.max(memory.private, memory.pss - shareOfAll));
      found.pss += memory.pss;
    });
    return found;
  }

  private rest(ms: number): Promise<void> | void {
    if (ms > 0) return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }
}

export interface Footprint {
  /** Bytes that would be free without them, by process. */
  readonly own: ReadonlyMap<number, number>;
  /** Bytes of all of them, with their share of what others have too. */
  readonly pss: number;
}

/** A session's own memory, read from time to time and never on the way of a request. */
export class MemoryGauge implements Disposable {
  private own: Footprint['own'] = new Map();
  private measuredAt = -Infinity;
  private timer: Timer | null = null;
  private closed = false;

  constructor(
    /** The kernel, then its frozen copies. */
    private readonly family: () => readonly number[],
    private readonly probe: MemoryProbe,
    private readonly clock: IClock,
  ) {}

  /** The bytes as last measured, of those that are there still. */
  read(): number {
    if (this.clock.monotonic() - this.measuredAt > idleRefreshMs) this.touch();
    return this.family().reduce((sum, pid) => sum + (this.own.get(pid) ?? 0), 0);
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
    const found = await this.probe.measure(this.family, () => !this.closed);
    this.measuredAt = this.clock.monotonic();
    this.timer = null;
    if (found && !this.closed) this.own = found.own;
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

/** Bytes: what is the process's alone, and that with its share of the rest (PSS). */
interface Memory {
  readonly private: number;
  readonly pss: number;
}

/** Null when it cannot be told. */
async function readMemory(files: IFiles, pid: number): Promise<Memory | null> {
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
