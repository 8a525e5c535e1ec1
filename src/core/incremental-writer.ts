/**
 * Appends to one session's journal: gives every event its seq, keeps the order, joins what comes together into one
 * step of the store, and announces events only after they are stored.
 */
import { isContent } from '../types/events.js';
import type { SessionEvent, SessionEventBody } from '../types/events.js';
import type { IClock } from '../types/ports.js';
import type { Durability, SessionPatch } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

export interface WriterOptions {
  readonly store: ISessionStore;
  readonly clock: IClock;
  readonly sessionId: string;
  readonly durability: Durability;
  /** Called for each event, in order, once it is stored. */
  readonly announce: (event: SessionEvent) => void;
}

/** As much text as may wait for a slow store before whoever writes should wait too. */
const waitingCharactersMax = 4 * 1024 ** 2;

const charactersOf = (body: SessionEventBody) => ('text' in body ? body.text.length : 0);

export class IncrementalWriter {
  private buffer: SessionEvent[] = [];
  private patch: SessionPatch = {};
  private nextSeq: number;
  private storedSeq: number;
  /** Appends run one after another; a failed one fails all that follow. */
  private tail: Promise<void> = Promise.resolve();
  private failure: unknown;
  private lastContent: number;
  /** Characters of output that are not stored yet. */
  private waitingCharacters = 0;

  constructor(
    private readonly options: WriterOptions,
    headSeq: number,
    private epoch: number,
  ) {
    this.nextSeq = headSeq + 1;
    this.storedSeq = headSeq;
    this.lastContent = headSeq;
  }

  /** The last seq that a client caused: rebuilding the live state adds events without changing what it holds. */
  get contentSeq(): number {
    return this.lastContent;
  }

  /** What the journal says of the time before this writer. */
  resumeAt(contentSeq: number): void {
    this.lastContent = contentSeq;
  }

  get sessionId(): string {
    return this.options.sessionId;
  }

  /** The last seq that is stored. */
  get headSeq(): number {
    return this.storedSeq;
  }

  /** Why nothing can be appended any more, if so. */
  get broken(): unknown {
    return this.failure;
  }

  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }

  /** When much output waits for the store: resolves when it is stored, or never will be. Else null. */
  backlog(): Promise<void> | null {
    return this.waitingCharacters > waitingCharactersMax ? this.flush().catch(() => undefined) : null;
  }

  /** Takes an event in; it is stored with the next `flush`, at the latest after the present turn of the event loop. */
  add(body: SessionEventBody): SessionEvent {
    if (this.buffer.length === 0) setImmediate(() => void this.flush().catch(() => undefined));
    const at = new Date(this.options.clock.now()).toISOString();
    const event = { session_id: this.options.sessionId, seq: this.nextSeq++, at, ...body };
    this.buffer.push(event);
    this.waitingCharacters += charactersOf(body);
    if (isContent(body)) this.lastContent = event.seq;
    return event;
  }

  /** Stores these events and everything before them. @throws storage_error · conflict */
  async appendEvents(bodies: readonly SessionEventBody[], patch: SessionPatch = {}): Promise<SessionEvent[]> {
    const events = bodies.map((body) => this.add(body));
    Object.assign(this.patch, patch);
    await this.flush();
    return events;
  }

  /** Resolves when all that was added before is stored. */
  flush(): Promise<void> {
    const events = this.buffer;
    const patch = this.patch;
    if (events.length > 0) {
      this.buffer = [];
      this.patch = {};
      this.tail = this.tail.then(() => this.store(events, patch));
      // Whoever awaits the tail sees the failure; without a waiter it is kept in `failure`.
      this.tail.catch(() => undefined);
    }
    return this.tail;
  }

  private async store(events: SessionEvent[], patch: SessionPatch): Promise<void> {
    const { store, sessionId, durability, announce } = this.options;
    try {
      await store.append({ session_id: sessionId, epoch: this.epoch, events, patch, durability });
    } catch (error) {
      this.failure = error;
      throw error;
    } finally {
      for (const event of events) this.waitingCharacters -= charactersOf(event);
    }
    this.storedSeq = events.at(-1)?.seq ?? this.storedSeq;
    for (const event of events) announce(event);
  }
}
