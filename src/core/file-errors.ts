/** What can go wrong with a file of a workspace, in the words of the error table. */
import { SojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import { isFileError } from './workspace-files.js';

type Fields = Readonly<Record<string, unknown>>;

export const fileErrors = {
  outside: (path: string) =>
    new SojournError('invalid_params', `path: '${shown(path)}' leads out of the workspace.`, {
      path,
      reason: 'outside_workspace',
    }),
  invalid: (path: string, rule: string, fields: Fields = {}) =>
    new SojournError('invalid_params', `path: '${shown(path)}' ${rule}.`, { path, ...fields }),
  notFound: (path: string) => new SojournError('file_not_found', `No file '${shown(path)}'.`, { path }),
  /** What is there is of another kind. */
  notAFile: (path: string, kind: string) =>
    kind === 'directory'
      ? new SojournError('file_not_found', `'${shown(path)}' is a folder, not a file.`, { path, kind })
      : new SojournError('invalid_params', `path: '${shown(path)}' is a pipe, a socket or a device.`, {
          path,
          kind,
        }),
  /** Somebody else changed it at the same time. */
  changed: (path: string, cause?: unknown) =>
    new SojournError(
      'conflict',
      `'${shown(path)}' was changed while it was used; try again.`,
      { path },
      { cause },
    ),
};

const meanings: Readonly<Record<string, [ErrorCode, string]>> = {
  ENOENT: ['file_not_found', 'is not there'],
  ENOTDIR: ['file_not_found', 'is not there: a step of it is no folder'],
  ENAMETOOLONG: ['invalid_params', 'has a name that is too long'],
  EISDIR: ['conflict', 'is a folder'],
  ENOTEMPTY: ['conflict', 'is a folder that is not empty; recursive removes it with all that is in it'],
  EACCES: ['forbidden', 'may not be used: its mode, or the mode of its folder, does not allow it'],
  EPERM: ['forbidden', 'may not be used: the operating system does not allow it'],
  EROFS: ['forbidden', 'lies on a medium that cannot be written'],
  ENOSPC: ['storage_error', 'found no space left on the disk'],
  EDQUOT: ['storage_error', 'found no space left in the quota of the disk'],
  EFBIG: ['storage_error', 'is larger than the operating system allows'],
};
/** What only the work of somebody else at the same moment, or a lease of theirs, can cause. */
const races = new Set(['ELOOP', 'EINVAL', 'EEXIST', 'EAGAIN', 'EBUSY', 'ETXTBSY', 'ESTALE']);

/** Runs `work` and says what the file system threw about `path` in our own words. */
export async function withFileErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFileError(error)) throw error;
    if (races.has(error.code)) throw fileErrors.changed(path, error);
    const [code, words] = meanings[error.code] ?? ['storage_error', `cannot be used (${error.code})`];
    const cause_code = error.code;
    throw new SojournError(code, `'${shown(path)}' ${words}.`, { path, cause_code }, { cause: error });
  }
}

/** Long paths and control characters would make a sentence unreadable. */
function shown(path: string): string {
  const plain = path.replaceAll(/\p{Cc}/gu, '?');
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
}
