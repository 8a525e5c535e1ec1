/**
 * Every way a request can fail, in one table: what HTTP and JSON-RPC call it and whether trying again can help.
 * Codes are promises: never renamed, never reused.
 */

export interface ErrorKind {
  readonly http: number;
  readonly rpc: number;
  /** True when the same call may succeed later without being changed. */
  readonly retryable: boolean;
  readonly title: string;
}

export const errorTable = {
  invalid_params: { http: 400, rpc: -32602, retryable: false, title: 'Invalid parameters' },
  invalid_json: { http: 400, rpc: -32700, retryable: false, title: 'Invalid JSON' },
  unauthorized: { http: 401, rpc: -32001, retryable: false, title: 'Unauthorized' },
  forbidden: { http: 403, rpc: -32002, retryable: false, title: 'Forbidden' },
  session_not_found: { http: 404, rpc: -32010, retryable: false, title: 'Session not found' },
  operation_not_found: { http: 404, rpc: -32601, retryable: false, title: 'Operation not found' },
  checkpoint_not_found: { http: 404, rpc: -32011, retryable: false, title: 'Checkpoint not found' },
  snapshot_not_found: { http: 404, rpc: -32012, retryable: false, title: 'Snapshot not found' },
  file_not_found: { http: 404, rpc: -32013, retryable: false, title: 'File not found' },
  variable_not_found: { http: 404, rpc: -32014, retryable: false, title: 'Variable not found' },
  execution_not_found: { http: 404, rpc: -32015, retryable: false, title: 'Execution not found' },
  column_not_found: { http: 404, rpc: -32017, retryable: false, title: 'Column not found' },
  index_not_found: { http: 404, rpc: -32018, retryable: false, title: 'Index not found' },
  range_not_satisfiable: { http: 416, rpc: -32016, retryable: false, title: 'Range not satisfiable' },
  session_exists: { http: 409, rpc: -32020, retryable: false, title: 'Session exists' },
  session_busy: { http: 409, rpc: -32021, retryable: true, title: 'Session busy' },
  conflict: { http: 409, rpc: -32022, retryable: false, title: 'Conflict' },
  epoch_mismatch: { http: 409, rpc: -32023, retryable: false, title: 'Session was rebuilt' },
  session_locked: { http: 423, rpc: -32024, retryable: true, title: 'Session locked' },
  limit_exceeded: { http: 429, rpc: -32030, retryable: true, title: 'Limit exceeded' },
  payload_too_large: { http: 413, rpc: -32031, retryable: false, title: 'Payload too large' },
  rate_limited: { http: 429, rpc: -32032, retryable: true, title: 'Rate limited' },
  interface_invalid: { http: 422, rpc: -32040, retryable: false, title: 'Interface invalid' },
  data_error: { http: 422, rpc: -32041, retryable: false, title: 'Data error' },
  code_rejected: { http: 422, rpc: -32042, retryable: false, title: 'Code rejected' },
  not_supported: { http: 422, rpc: -32043, retryable: false, title: 'Not supported' },
  kernel_died: { http: 502, rpc: -32050, retryable: false, title: 'Kernel died' },
  engine_unavailable: { http: 503, rpc: -32051, retryable: true, title: 'Engine unavailable' },
  agent_not_configured: { http: 503, rpc: -32052, retryable: false, title: 'Agent not configured' },
  storage_error: { http: 503, rpc: -32053, retryable: false, title: 'Storage error' },
  closed: { http: 503, rpc: -32054, retryable: true, title: 'Closed' },
  timeout: { http: 504, rpc: -32060, retryable: false, title: 'Timeout' },
  internal: { http: 500, rpc: -32603, retryable: false, title: 'Internal error' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

/** Marks our errors across two copies of the package, where `instanceof` would not. */
const mark = Symbol.for('sojourn.SojournError');

export class SojournError extends Error {
  readonly [mark] = true;
  override readonly name = 'SojournError';

  /**
   * @param detail one sentence for the person who reads it: what is wrong and what to do.
   * @param fields machine-readable facts that travel with the error, such as `session_id`, `limit`, `head_seq`.
   */
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
    options: { cause?: unknown } = {},
  ) {
    super(detail, options);
  }
}

/** Tells our errors from others, and one code from another. */
export function isSojournError(value: unknown, code?: ErrorCode): value is SojournError {
  if (typeof value !== 'object' || value === null || !(mark in value)) return false;
  return code === undefined || (value as SojournError).code === code;
}

export const errors = {
  sessionNotFound: (sessionId: string) =>
    new SojournError('session_not_found', `No session '${sessionId}'.`, { session_id: sessionId }),
  sessionExists: (sessionId: string) =>
    new SojournError(
      'session_exists',
      `Session '${sessionId}' exists already; choose another id or pass if_exists: "return".`,
      { session_id: sessionId },
    ),
  /** @param meant the name that was probably meant. */
  operationNotFound: (name: string, meant?: string) =>
    new SojournError(
      'operation_not_found',
      `No operation '${name}'${meant === undefined ? '.' : `; did you mean '${meant}'?`}`,
      { operation: name },
    ),
  limitExceeded: (limit: string, setting: string, value: number) =>
    new SojournError('limit_exceeded', `${limit} is limited to ${value}; ${setting} raises it.`, {
      limit,
      setting,
      value,
    }),
  closed: (what: string) => new SojournError('closed', `${what} is closed.`),
  notSupported: (kind: string, operation: string) =>
    new SojournError('not_supported', `Sessions of kind '${kind}' cannot ${operation}.`, { kind, operation }),
};
