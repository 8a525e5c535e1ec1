/** When events may join a journal; shared by all stores, so that each refuses the same in the same words. */
import { SojournError } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';

/**
 * @param head the last stored seq, -1 for an empty journal.
 * @throws conflict when the events do not follow the head one by one, or come from a writer that was superseded
 */
export function assertFollows(
  sessionId: string,
  head: number,
  events: readonly SessionEvent[],
  epoch?: { stored: number; given: number },
): void {
  const fields = { session_id: sessionId, head_seq: head };
  if (epoch && epoch.given < epoch.stored) {
    const detail = `Session '${sessionId}' is in epoch ${epoch.stored}; a writer of epoch ${epoch.given} may not write.`;
    throw new SojournError('conflict', detail, { ...fields, epoch: epoch.stored });
  }
  events.forEach((event, index) => {
    if (event.seq === head + 1 + index) return;
    const detail = `Event ${event.seq} does not follow: session '${sessionId}' is at ${head}, so ${head + 1 + index} is due.`;
    throw new SojournError('conflict', detail, fields);
  });
}
