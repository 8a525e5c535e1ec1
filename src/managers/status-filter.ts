/** A status as a question to the store: which of them a session has, only the live sessions know. */
import type { ISessionInstance } from '../types/session.js';
import type { SessionQuery } from '../types/store.js';

export function statusFilter(status: string, live: readonly ISessionInstance[]): Partial<SessionQuery> {
  if (status === 'failed') return { failed: true };
  if (status === 'hibernated') return { failed: false, except_ids: live.map(({ id }) => id) };
  return { session_ids: live.filter((session) => session.getState().status === status).map(({ id }) => id) };
}
