/** How to see that a process has ended, or a call has failed. */
import { readFileSync } from 'node:fs';
import { isSojournError } from '../../src/types/errors.js';
import type { SojournError } from '../../src/types/errors.js';

export function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    // It may end while it is looked at.
    return false;
  }
}

export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

export const failure = async (work: Promise<unknown>): Promise<SojournError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isSojournError(error)) throw new Error(`expected a SojournError, got ${String(error)}`);
  return error;
};
