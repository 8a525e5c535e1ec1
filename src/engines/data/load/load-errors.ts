/** What can be wrong with what is to be loaded, as errors. */
import { SojournError } from '../../../types/errors.js';

export const loadErrors = {
  /** An interface file, or a description of data, is wrong. */
  invalid: (detail: string, fields: Readonly<Record<string, unknown>> = {}) =>
    new SojournError('interface_invalid', detail, fields),
  /** Content that cannot be read or computed. */
  data: (detail: string, fields: Readonly<Record<string, unknown>> = {}, cause?: unknown) =>
    new SojournError('data_error', detail, fields, { cause }),
  /** A file with data that is not there. */
  missing: (path: string) =>
    new SojournError('interface_invalid', `[Errno 2] No such file or directory: '${path}'`, {
      reason: 'file_missing',
      path,
    }),
  /** @param code invalid_params when the request itself names the path */
  escape: (path: string, roots: readonly string[], code: 'invalid_params' | 'interface_invalid') => {
    const allowed = roots.map((root) => `'${root}'`).join(', ');
    return new SojournError(code, `Path '${path}' is not under allowed roots [${allowed}]`, {
      reason: 'path_escape',
    });
  },
};
