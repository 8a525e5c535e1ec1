/** Errors as they leave the server over HTTP: RFC 9457 problem documents, from the one error table. */
import { errorTable, isSojournError, SojournError } from '../types/errors.js';

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id: string;
  [field: string]: unknown;
}

/** Anything that is not one of our errors becomes `internal`: no stack, path or query leaves the process. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = isSojournError(error)
    ? error
    : new SojournError('internal', `Something went wrong here; the log names request ${requestId}.`);
  const { http, title, retryable } = errorTable[known.code];
  return {
    ...known.fields,
    type: `https://sojourn.dev/errors/${known.code}`,
    title,
    status: http,
    code: known.code,
    detail: known.detail,
    retryable,
    request_id: requestId,
  };
}
