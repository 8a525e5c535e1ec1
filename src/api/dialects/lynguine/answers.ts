/** What lynguine sends back: a JSON object with `status`, and its errors by the names of Python exceptions. */
import type { DialectAnswer } from '../../../types/dialect.js';
import { pythonRepr } from '../python-text.js';

export type Members = Readonly<Record<string, unknown>>;

/** An error as this dialect tells it. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    /** The name of a Python exception. */
    readonly type: string,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }
}

export const valueError = (message: string, status = 500) => new Failure(status, 'ValueError', message);

/** Something that is named is not there; the text is the repr of what is said. */
export const keyError = (message: string) => new Failure(404, 'KeyError', pythonRepr(message));

export const sessionNotFound = (id: string) => keyError(`Session not found: ${id}`);

export const json = (status: number, members: Members): DialectAnswer => ({
  status,
  type: 'application/json',
  text: JSON.stringify(members),
});

export const success = (members: Members): DialectAnswer => json(200, { status: 'success', ...members });

export const refusal = ({ status, type, message, cause }: Failure): DialectAnswer => ({
  ...json(status, { status: 'error', error_type: type, error_message: message, traceback: '' }),
  failure: cause,
});

/** A parameter that is null counts as missing. */
export const isGiven = (body: Members, name: string): boolean =>
  Object.hasOwn(body, name) && body[name] !== null && body[name] !== undefined;

/** Those of the named members that are given. */
export const given = (body: Members, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.filter((name) => isGiven(body, name)).map((name) => [name, body[name]]));
