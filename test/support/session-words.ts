/** Short words for tests of sessions. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isSojournError } from '../../src/types/errors.js';
import type { ErrorCode } from '../../src/types/errors.js';
import type { SessionEvent } from '../../src/types/events.js';
import type { ISession } from '../../src/types/client.js';

export const counter = { kind: 'counter' };

/** How it failed; `none` when it did not. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (isSojournError(error)) return error.code;
    throw error;
  }
}

export async function journal(session: ISession): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of session.events({ follow: false })) events.push(event);
  return events;
}

export const epochs = async (session: ISession) =>
  (await journal(session)).filter((event) => event.type === 'epoch');

/** Asks again, as soon as everybody else has had a turn, until it is so. */
export async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await nextTurn();
}

/** What the counting engine has counted. */
export const total = async (session: ISession) => Number((await session.execute('total')).output);
