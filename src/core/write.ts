/** One write on its way through the pipeline: what was asked for, and how far it has come. */
import { isSojournError, SojournError } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import type { WriteCall } from '../types/session.js';
import { hasLeft } from './retirement.js';

export type Params = Readonly<Record<string, unknown>>;

/** A failure of a write that has a place in the journal says where: its output and its end are read there. */
export function withPlace(error: unknown, { seq }: Write, epoch: number): unknown {
  // Whoever catches these looks for the very same error.
  if (seq === null || !isSojournError(error) || hasLeft(error)) return error;
  return new SojournError(
    error.code,
    error.detail,
    { ...error.fields, seq, epoch },
    { cause: error.cause ?? error },
  );
}

/** One write on its way. */
export class Write {
  seq: number | null = null;
  /** Its result is in the journal. */
  answered = false;
  /** It was refused before it had a place, and will have none. */
  refused = false;
  /** The journal alone cannot give its effect again. */
  isSecret = false;
  private journaling: Promise<number> | null = null;

  constructor(
    readonly operation: string,
    readonly params: Params,
    readonly call: WriteCall,
    /** False: recovery must never run it again. */
    readonly repeatable: boolean,
    private readonly append: (write: Write) => Promise<SessionEvent[]>,
  ) {}

  /** Gives it its place in the journal, once. */
  journal(): Promise<number> {
    this.journaling ??= this.append(this).then((events) => {
      this.seq = events[0]?.seq ?? 0;
      return this.seq;
    });
    return this.journaling;
  }

  /** Its place, also one that is being stored now; null when nobody has asked for one. */
  get place(): Promise<number> | null {
    return this.journaling;
  }
}
