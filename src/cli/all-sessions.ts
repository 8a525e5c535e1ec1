/** All sessions of a server, page by page. */
import type { SessionInfo } from '../types/client.js';
import type { SojournClient } from '../client/sojourn-client.js';

export async function allSessions(
  client: SojournClient,
  query: Parameters<SojournClient['listSessions']>[0] = {},
): Promise<SessionInfo[]> {
  const all: SessionInfo[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<SojournClient['listSessions']>> = await client.listSessions({
      ...query,
      limit: 1000,
      ...(cursor === null ? {} : { cursor }),
    });
    all.push(...page.sessions);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}
