/** Long polling on a journal: an empty page waits for the next event, the client's departure or its patience. */
import type { ISessionManager } from '../types/managers.js';
import type { SessionCall } from '../types/operation.js';
import type { IClock } from '../types/ports.js';
import type { EventPage } from '../types/session.js';

export interface Waiting {
  readonly sinceSeq: number;
  readonly waitMs: number;
  read(): Promise<EventPage>;
}

export async function waitForEvents(
  sessions: ISessionManager,
  clock: IClock,
  call: SessionCall,
  waiting: Waiting,
): Promise<EventPage> {
  if (waiting.waitMs === 0) return waiting.read();
  // Listen first and read then: an event between the two must not be missed.
  let wakeUp = (): void => undefined;
  const news = new Promise<void>((resolve) => {
    wakeUp = resolve;
  });
  const subscription = sessions.subscribe(call.session_id, (event) => {
    if (event.seq >= waiting.sinceSeq) wakeUp();
  });
  const timer = clock.setTimer(waiting.waitMs, wakeUp);
  call.signal?.addEventListener('abort', wakeUp, { once: true });
  try {
    const page = await waiting.read();
    if (page.events.length > 0) return page;
    await news;
    return await waiting.read();
  } finally {
    timer.cancel();
    call.signal?.removeEventListener('abort', wakeUp);
    await subscription.dispose();
  }
}
