/** Who writes: whose line in the mailbox it is, and under which name the journal has an idempotency key. */
import type { WriteCall } from '../types/session.js';

/** A client is a principal and the name it gave itself; what has no name shares the line of its principal. */
export const lineOf = ({ principal, client_id }: Pick<WriteCall, 'principal' | 'client_id'>): string =>
  JSON.stringify([principal.id, client_id ?? null]);

/** Principals choose their keys without knowing of each other: one's key never names another one's write. */
export const journaledKey = (
  key: string,
  { principal }: Pick<WriteCall, 'principal'>,
  owner: string,
): string => (principal.id === owner ? key : JSON.stringify([principal.id, key]));
