/**
 * How a store's trouble is told: every failure of the medium becomes a `storage_error` whose sentence names the place
 * and what to do about it. Damage (bytes that are not what was written) is marked, so that only its session is given
 * up.
 */
import { SojournError, isSojournError } from '../types/errors.js';

/** Stored bytes that are missing or not what was written. */
export const damaged = (
  detail: string,
  fields: Record<string, unknown> = {},
  cause?: unknown,
): SojournError => new SojournError('storage_error', detail, { ...fields, damaged: true }, { cause });

export const isDamage = (error: unknown): boolean =>
  isSojournError(error, 'storage_error') && error.fields['damaged'] === true;

/** The code of Node's and SQLite's errors: ENOSPC, SQLITE_FULL and so on. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

export const isCorruption = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(codeOf(error));

const advice: readonly [RegExp, string][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL)/, 'The disk is full; free some space and try again'],
  [/^(EFBIG)/, 'A file would grow over the limit of the system; raise it (ulimit -f) and try again'],
  [/^(EROFS|SQLITE_READONLY)/, 'It is read-only; make it writable for this user'],
  [
    /^(EACCES|EPERM|SQLITE_PERM|SQLITE_AUTH)/,
    'Permission was denied; make it readable and writable for this user',
  ],
  [
    /^(SQLITE_CANTOPEN|ENOENT|ENOTDIR)/,
    'It cannot be opened; check that the folder exists and can be written',
  ],
  [/^(EMFILE|ENFILE)/, 'Too many files are open; raise the limit (ulimit -n)'],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, 'Another process is writing to it; only one server may use a data folder'],
  [/^(EIO|SQLITE_IOERR)/, 'Reading or writing failed; check the disk and its free space'],
];

/**
 * Turns what a file system or SQLite threw into a `storage_error` that names `path`; our own errors pass unchanged.
 */
export function storageError(path: string, error: unknown): SojournError {
  if (isSojournError(error)) return error;
  const code = codeOf(error);
  const fields = { path, cause_code: code };
  if (isCorruption(error)) return damaged(`${path} is damaged (${code}).`, fields, error);
  const sentence = advice.find(([pattern]) => pattern.test(code))?.[1];
  if (sentence === undefined && !code.startsWith('SQLITE_') && code === '') {
    return new SojournError('internal', `The store failed at ${path}.`, fields, { cause: error });
  }
  const detail = `${path}: ${sentence ?? 'the store failed'} (${code}).`;
  return new SojournError('storage_error', detail, fields, { cause: error });
}
