/** Removes workspaces that belong to no session: what a crash during a deletion left behind. */
import { join } from 'node:path';
import { stagingName } from '../core/file-staging.js';
import type { IFiles, ILog } from '../types/ports.js';
import type { ISessionStore } from '../types/store.js';

const pageSize = 500;

/** @param folder holds one folder a session, named by its uid. */
export async function sweepWorkspaces(
  folder: string,
  store: ISessionStore,
  files: IFiles,
  log: ILog,
): Promise<void> {
  if ((await files.stat(folder)) === null) return;
  // Listed first: a session is stored before its folder is made, so that none of them can be too new to be known.
  const orphans = new Set((await files.list(folder)).map(({ name }) => name));
  orphans.delete(stagingName);
  let cursor: string | undefined;
  do {
    const page = await store.listSessions({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) });
    for (const { uid } of page.sessions) orphans.delete(uid);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && orphans.size > 0);
  for (const name of orphans) await files.remove(join(folder, name));
  if (orphans.size > 0) log.info({ count: orphans.size }, 'workspaces without a session were removed');
}
