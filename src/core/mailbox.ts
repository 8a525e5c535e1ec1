/**
 * The order of work in one session: writes run one at a time, those of one client in the order they came, and clients
 * take turns. Work of the house (checkpoints, forks) runs when everything that came before it has run; it is neither
 * limited nor counted as waiting.
 */
import { SojournError } from '../types/errors.js';
import { FairQueue } from './fair-queue.js';

interface Entry {
  run(): Promise<void>;
  refuse(error: SojournError): void;
  readonly write: boolean;
}

export interface MailboxLimits {
  /** Writes that may wait in all. */
  readonly queue_length: number;
  /** Writes of one client that may wait. */
  readonly client_queue_length: number;
}

export class Mailbox {
  private readonly writes = new FairQueue<Entry>();
  private readonly house: { readonly entry: Entry; readonly arrival: number }[] = [];
  private readonly urgent: Entry[] = [];
  private arrivals = 0;
  private running: Entry | null = null;
  private refusal: SojournError | null = null;
  private writeRefusal: SojournError | null = null;

  constructor(private readonly limits: MailboxLimits) {}

  /** Writes that wait; the running one is not among them. */
  get length(): number {
    return this.writes.length;
  }

  /** True while a write runs or waits. */
  get busy(): boolean {
    return (this.running?.write ?? false) || this.writes.length > 0;
  }

  get idle(): boolean {
    return this.running === null && !this.busy && this.house.length === 0 && this.urgent.length === 0;
  }

  /** @param client whose line it waits in. @throws session_busy when too many wait */
  write<T>(client: string, task: () => Promise<T>): Promise<T> {
    const refusal = this.writeRefusal ?? this.tooMany(client);
    if (refusal) return Promise.reject(refusal);
    return this.add(task, true, (entry) => this.writes.push(client, entry, this.arrivals++));
  }

  /** Runs alone, like a write. `first`: before everything that waits. */
  exclusive<T>(task: () => Promise<T>, { first = false } = {}): Promise<T> {
    return this.add(task, false, (entry) => {
      if (first) this.urgent.unshift(entry);
      else this.house.push({ entry, arrival: this.arrivals++ });
    });
  }

  /** Refuses writes that wait and that come; what runs goes on, and the house may still work. */
  closeForWrites(refusal: SojournError): void {
    this.writeRefusal ??= refusal;
    for (const entry of this.writes.clear()) entry.refuse(refusal);
  }

  /** Refuses what waits and what comes; what runs goes on. */
  close(refusal: SojournError): void {
    this.refusal ??= refusal;
    const waiting = [
      ...this.urgent.splice(0),
      ...this.writes.clear(),
      ...this.house.splice(0).map(({ entry }) => entry),
    ];
    for (const entry of waiting) entry.refuse(this.refusal);
  }

  private tooMany(client: string): SojournError | null {
    const { queue_length: all, client_queue_length: own } = this.limits;
    if (this.writes.lengthOf(client) >= own)
      return tooManyWait('client_queue_length', own, `${own} writes of this client wait already`);
    if (this.writes.length >= all) return tooManyWait('queue_length', all, `${all} writes wait already`);
    return null;
  }

  private add<T>(task: () => Promise<T>, write: boolean, enqueue: (entry: Entry) => void): Promise<T> {
    if (this.refusal) return Promise.reject(this.refusal);
    return new Promise<T>((resolve, reject) => {
      enqueue({ run: () => task().then(resolve, reject), refuse: reject, write });
      this.next();
    });
  }

  private next(): void {
    if (this.running) return;
    const entry = this.urgent.shift() ?? this.dueHouse() ?? this.writes.shift();
    if (!entry) return;
    this.running = entry;
    void entry.run().finally(() => {
      this.running = null;
      this.next();
    });
  }

  /** Writes that came after it may have gone before it; none of them keeps it waiting any more. */
  private dueHouse(): Entry | undefined {
    const [next] = this.house;
    return next && this.writes.oldest > next.arrival ? this.house.shift()?.entry : undefined;
  }
}

function tooManyWait(limit: string, value: number, what: string): SojournError {
  const setting = `limits.${limit}`;
  return new SojournError('session_busy', `${what}; ${setting} raises it.`, { limit, value, setting });
}
