/** A session's events as an endless sequence: page after page of the journal, then each event as it comes. */
import type { EventsOptions, WriteCallOptions } from '../types/client.js';
import type { SessionEvent } from '../types/events.js';

export interface EventStreamOptions extends EventsOptions {
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal;
}

type Call = (
  operation: string,
  params: Record<string, unknown>,
  options: WriteCallOptions,
) => Promise<unknown>;

interface EventsAnswer {
  events: SessionEvent[];
  next_seq: number | null;
}

/** The longest that one request waits for news, in seconds. */
const pollSeconds = 25;

/** Every event once, in order, from `sinceSeq` on; ends when either signal aborts, or at the end without `follow`. */
export async function* streamEvents(
  call: Call,
  sessionId: string,
  options: EventStreamOptions,
): AsyncGenerator<SessionEvent, void, undefined> {
  const { closed, follow = true, signal } = options;
  const ended = signal ? AbortSignal.any([signal, closed]) : closed;
  let since = options.sinceSeq ?? 0;
  while (!ended.aborted) {
    const params = { session_id: sessionId, since_seq: since, wait_s: follow ? pollSeconds : 0 };
    const page = await untilEnded(call('get_events', params, { signal: ended }), ended);
    if (page === null) return;
    for (const event of page.events) {
      yield event;
      since = event.seq + 1;
    }
    if (!follow && page.next_seq === null) return;
  }
}

/** Null when the wait was ended from outside: that is no failure. */
async function untilEnded(answer: Promise<unknown>, ended: AbortSignal): Promise<EventsAnswer | null> {
  try {
    return (await answer) as EventsAnswer;
  } catch (error) {
    if (ended.aborted) return null;
    throw error;
  }
}
