/**
 * Journal events as text and back. What goes in is checked as strictly as what comes out: an event that could not be
 * read again must never be written, because it would make its whole session unreadable.
 */
import type { z } from 'zod';
import { SojournError } from '../types/errors.js';
import { eventBodySchema } from '../types/events.js';
import type { SessionEvent } from '../types/events.js';
import { damaged } from './store-errors.js';

/** `body` is the JSON of everything but the place (`session_id`, `seq`, `at`) and the type. */
export interface EncodedEvent {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly body: string;
  /** Of an input that can be sent again. */
  readonly idempotencyKey: string | null;
}

/**
 * True when `value` has the schema's shape. The value itself is used on, not the parsed copy: a copy loses keys such
 * as `__proto__` and fields that a newer writer added.
 */
export function hasShape<S extends z.ZodType>(schema: S, value: unknown): value is z.input<S> {
  return schema.safeParse(value).success;
}

/** @throws internal when the event belongs elsewhere or could not be read again */
export function encodeEvent(sessionId: string, event: SessionEvent): EncodedEvent {
  const { session_id, seq, at, type, ...rest } = event;
  const placed = session_id === sessionId && Number.isSafeInteger(seq) && seq >= 0 && typeof at === 'string';
  if (!placed || !hasShape(eventBodySchema, event)) {
    throw new SojournError(
      'internal',
      `Event ${seq} of session '${sessionId}' is malformed; it was not stored.`,
      {
        session_id: sessionId,
        seq,
      },
    );
  }
  const key = event.type === 'input' ? event.idempotency_key : undefined;
  return { seq, at, type, body: stringify(sessionId, seq, rest), idempotencyKey: key ?? null };
}

function stringify(sessionId: string, seq: number, rest: object): string {
  try {
    return JSON.stringify(rest);
  } catch (cause) {
    const detail = `Event ${seq} of session '${sessionId}' holds something that JSON cannot express.`;
    throw new SojournError('internal', detail, { session_id: sessionId, seq }, { cause });
  }
}

/** @throws storage_error, damaged, when the text is no such event */
export function decodeEvent(sessionId: string, row: Omit<EncodedEvent, 'idempotencyKey'>): SessionEvent {
  const rest = parseJson(row.body);
  if (typeof rest === 'object' && rest !== null) {
    const event: unknown = { session_id: sessionId, seq: row.seq, at: row.at, type: row.type, ...rest };
    if (isEvent(event)) return event;
  }
  throw damaged(`Event ${row.seq} of session '${sessionId}' cannot be read.`, {
    session_id: sessionId,
    seq: row.seq,
  });
}

const isEvent = (value: unknown): value is SessionEvent => hasShape(eventBodySchema, value);

/** The value, or undefined when the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
