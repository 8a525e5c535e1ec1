/** Asks the person at the terminal what running code wants to know. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ISession } from '../types/client.js';
import type { SessionEvent } from '../types/events.js';
import { isSojournError } from '../types/errors.js';

type Request = Extract<SessionEvent, { type: 'input_request' }>;

/** @param ended aborts when the run has ended: nobody wants to know any more */
export async function answerInput(session: ISession, request: Request, ended: AbortSignal): Promise<void> {
  const value = await ask(session, request, ended);
  if (ended.aborted) return;
  await session.replyInput(value, { inputId: request.seq }).catch((error: unknown) => {
    // Somebody else was quicker, or the run has just ended.
    if (!isSojournError(error, 'conflict')) throw error;
  });
}

/** Null at the end of input. */
async function ask(session: ISession, request: Request, ended: AbortSignal): Promise<string | null> {
  const { prompt, password } = request;
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = password ? silence : process.stdout;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  const closed = new Promise<null>((resolve) => terminal.once('close', () => resolve(null)));
  terminal.once('SIGINT', () => void session.interrupt().catch(() => process.exit(1)));
  try {
    // Only now does the terminal no longer show what is typed.
    if (password) process.stdout.write(prompt);
    const line = terminal.question(password ? '' : prompt, { signal: ended }).catch(() => null);
    return await Promise.race([line, closed]);
  } finally {
    terminal.close();
    if (password) process.stdout.write('\n');
  }
}
