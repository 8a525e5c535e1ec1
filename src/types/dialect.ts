/**
 * A dialect: what clients of another system say, answered by the operation catalogue. It is a set of tables (paths,
 * requests, results, errors, ids) and, unlike a transport, knows operations by name. The HTTP transport mounts each at
 * /compat/NAME, behind its own checks of who calls.
 */
import type { Principal } from './operation.js';

export interface Dialect {
  /** Lower case; the last step of its mount. */
  readonly name: string;
  /** What it throws is answered by `refuse`. */
  answer(request: DialectRequest, call: DialectCall): Promise<DialectAnswer>;
  /** An error in its own shape, also one from before `answer`: who called may not, or the body was too large. */
  refuse(error: unknown): DialectAnswer;
}

export interface DialectRequest {
  readonly method: string;
  /** Path and query below the mount, exactly as they were sent; begins with a slash. */
  readonly target: string;
  readonly principal: Principal;
  /** The body as JSON, whatever its type says; {} when it is empty. @throws invalid_json · payload_too_large */
  readBody(): Promise<unknown>;
}

export interface DialectAnswer {
  readonly status: number;
  /** The media type of `text`. */
  readonly type: string;
  readonly text: string;
  /** What went wrong that nobody expected: the log has it, the client does not. */
  readonly failure?: unknown;
}

/** One operation of the catalogue, for who sent the request. */
export type DialectCall = (operation: string, params: Readonly<Record<string, unknown>>) => Promise<unknown>;
