/**
 * The order of work in one session: writes run one at a time, first come, first served. Work of the house
 * (checkpoints, rebuilding) takes its turn in the same line but is neither limited nor counted as waiting.
 */
import { SojournError } from '../types/errors.js';

interface Entry {
  run(): Promise<void>;
  refuse(error: SojournError): void;
  readonly write: boolean;
}

export class Mailbox {
  private readonly queue: Entry[] = [];
  private running: Entry | null = null;
  private refusal: SojournError | null = null;
  private writeRefusal: SojournError | null = null;

  constructor(private readonly limit: number) {}

  /** Writes that wait; the running one is not among them. */
  get length(): number {
    return this.queue.filter((entry) => entry.write).length;
  }

  /** True while a write runs or waits. */
  get busy(): boolean {
    return (this.running?.write ?? false) || this.queue.some((entry) => entry.write);
  }

  get idle(): boolean {
    return this.running === null && this.queue.length === 0;
  }

  /** @throws session_busy when too many wait */
  write<T>(task: () => Promise<T>): Promise<T> {
    if (this.writeRefusal) return Promise.reject(this.writeRefusal);
    if (this.length >= this.limit) {
      const detail = `${this.limit} writes wait already; limits.queue_length raises it.`;
      const fields = { limit: 'queue_length', value: this.limit, setting: 'limits.queue_length' };
      return Promise.reject(new SojournError('session_busy', detail, fields));
    }
    return this.add(task, true);
  }

  /** Runs alone, like a write. `first`: before everything that waits. */
  exclusive<T>(task: () => Promise<T>, { first = false } = {}): Promise<T> {
    return this.add(task, false, first);
  }

  /** Refuses writes that wait and that come; what runs goes on, and the house may still work. */
  closeForWrites(refusal: SojournError): void {
    this.writeRefusal ??= refusal;
    const kept = this.queue.filter((entry) => !entry.write);
    for (const entry of this.queue.splice(0, this.queue.length, ...kept))
      if (entry.write) entry.refuse(refusal);
  }

  /** Refuses what waits and what comes; what runs goes on. */
  close(refusal: SojournError): void {
    this.refusal ??= refusal;
    for (const entry of this.queue.splice(0)) entry.refuse(this.refusal);
  }

  private add<T>(task: () => Promise<T>, write: boolean, first = false): Promise<T> {
    if (this.refusal) return Promise.reject(this.refusal);
    return new Promise<T>((resolve, reject) => {
      const entry = { run: () => task().then(resolve, reject), refuse: reject, write };
      if (first) this.queue.unshift(entry);
      else this.queue.push(entry);
      this.next();
    });
  }

  private next(): void {
    if (this.running) return;
    const entry = this.queue.shift();
    if (!entry) return;
    this.running = entry;
    void entry.run().finally(() => {
      this.running = null;
      this.next();
    });
  }
}
