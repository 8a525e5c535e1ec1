/**
 * The end of an instance, told from failures. The mark of one that has gone to sleep: whoever sees it finds the session
 * again. Nobody else can set it.
 */
import { isSojournError, SojournError } from '../types/errors.js';

const marks = new WeakSet<SojournError>();

export function retired(): SojournError {
  const error = new SojournError('closed', 'The session has gone to sleep.');
  marks.add(error);
  return error;
}

export const isRetired = (error: unknown): boolean => error instanceof SojournError && marks.has(error);

/** True of what is said by a session that was deleted or has gone to sleep: it needs no checkpoint any more. */
export const hasLeft = (error: unknown): boolean =>
  isRetired(error) || isSojournError(error, 'session_not_found');
