/** The mark of an instance that has gone to sleep: whoever sees it finds the session again. Nobody else can set it. */
import { SojournError } from '../types/errors.js';

const marks = new WeakSet<SojournError>();

export function retired(): SojournError {
  const error = new SojournError('closed', 'The session has gone to sleep.');
  marks.add(error);
  return error;
}

export const isRetired = (error: unknown): boolean => error instanceof SojournError && marks.has(error);
