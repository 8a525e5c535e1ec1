/**
 * The error mapper: what the catalogue says is wrong, in the words and with the status that clients of lynguine know.
 * A reason among the fields of an error decides before its code does.
 */
import { isSojournError } from '../../../types/errors.js';
import type { ErrorCode, SojournError } from '../../../types/errors.js';
import { Failure, keyError, sessionNotFound, valueError } from './answers.js';
import type { Members } from './answers.js';

/** What was asked for when the error came. */
export interface Asked {
  /** As the client named it. */
  readonly operation?: string;
  readonly sessionId?: string;
  readonly body?: Members;
}

type Mapper = (error: SojournError, asked: Asked) => Failure;

/** A member that the error or the request names. */
function named(name: string, error: SojournError, { body }: Asked): string {
  const value = error.fields[name] ?? body?.[name];
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

const noColumn: Mapper = (error, asked) => {
  if (asked.operation !== 'set_column' && asked.operation !== 'get_value_at') return keyError(error.detail);
  const column = named('column', error, asked);
  return keyError(
    `Attempting to add column "${column}" as a set request has been given to non existent column.`,
  );
};

const noSelector: Mapper = (_error, { operation }) =>
  operation === 'set_value' ? valueError('Selector not set.') : keyError('Selector not set.');

/** Only the creation of a session looks whether the interface file is there before it is read. */
const interfaceMissing: Mapper = ({ fields: { path }, detail }, { operation }) => {
  if (operation === 'create_session') return new Failure(500, 'FileNotFoundError', detail);
  return valueError(typeof path === 'string' ? `No configuration file found at "${path}".` : detail);
};

const limitReached: Mapper = ({ fields: { setting, value, current }, detail }) => {
  if (setting === 'data.sessions')
    return valueError(
      `Maximum number of sessions (${String(value)}) reached. Delete existing sessions or increase limit.`,
    );
  if (setting !== 'data.total_memory_bytes') return valueError(detail);
  const limit = Math.round(megabytes(value));
  const used = megabytes(current).toFixed(1);
  return valueError(
    `Maximum memory limit (${limit}MB) reached. Current: ${used}MB. Delete sessions to free memory.`,
  );
};

const megabytes = (bytes: unknown) => (typeof bytes === 'number' ? bytes / 1024 ** 2 : 0);

const as =
  (status: number, type: string): Mapper =>
  ({ detail }) =>
    new Failure(status, type, detail);

const unexpected: Mapper = (error) => new Failure(500, 'RuntimeError', error.detail, { cause: error });

const byReason: Readonly<Record<string, Mapper>> = {
  immutable: (error, asked) =>
    keyError(`Column "${named('column', error, asked)}" is immutable and cannot be modified.`),
  parameters: () => keyError("Cannot modify individual elements in 'parameters' type data."),
  selector: () => keyError('Invalid selector set.'),
  not_series: (error, asked) => keyError(`Column "${named('column', error, asked)}" is not a series column.`),
  selector_unset: noSelector,
  subindex: () => keyError('Invalid subindex set.'),
  file_missing: as(500, 'FileNotFoundError'),
  path_escape: as(500, 'PathEscapeError'),
};

const byCode: Partial<Record<ErrorCode, Mapper>> = {
  session_not_found: (_error, { sessionId }) => sessionNotFound(sessionId ?? ''),
  column_not_found: noColumn,
  index_not_found: (error, asked) => keyError(`Index "${named('index', error, asked)}" not found in data`),
  file_not_found: interfaceMissing,
  limit_exceeded: limitReached,
  invalid_json: as(400, 'JSONDecodeError'),
  payload_too_large: as(413, 'ValueError'),
  unauthorized: as(401, 'PermissionError'),
  forbidden: as(403, 'PermissionError'),
  invalid_params: as(500, 'ValueError'),
  interface_invalid: as(500, 'ValueError'),
  data_error: as(500, 'ValueError'),
  not_supported: as(500, 'ValueError'),
  timeout: as(500, 'TimeoutError'),
};

/** @param error anything that was thrown; what is not ours is told by nothing but its type */
export function failureOf(error: unknown, asked: Asked = {}): Failure {
  if (error instanceof Failure) return error;
  if (!isSojournError(error))
    return new Failure(500, 'RuntimeError', 'Something went wrong on the server.', { cause: error });
  const { reason } = error.fields;
  const told = typeof reason === 'string' && Object.hasOwn(byReason, reason) ? byReason[reason] : undefined;
  const mapper = told ?? byCode[error.code] ?? unexpected;
  return mapper(error, asked);
}
