/**
 * Where the workspaces of sessions lie: `FOLDER/FAMILY/UID`. A family is a session with all that were forked from
 * it: the sandbox of a kernel reaches into the folder of its family, for a live fork keeps the one it was born with.
 */
import { dirname, join } from 'node:path';
import type { IConfig } from '../types/config.js';
import type { IFiles, ILog } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

const pageSize = 500;

/** The folder of all workspaces. */
export const workspacesOf = ({ data_dir }: Pick<IConfig, 'data_dir'>): string => join(data_dir, 'workspaces');

export const workspaceOf = (
  { uid, family = uid }: SessionRecord,
  config: Pick<IConfig, 'data_dir'>,
): string => join(workspacesOf(config), family, uid);

/** Removes a session's workspace, and the folder of its family with the last one in it. */
export async function removeWorkspace(workspace: string, files: IFiles): Promise<void> {
  await files.remove(workspace);
  // Not empty while another of the family lives; gone when the last two went at once.
  await files.removeOne(dirname(workspace)).catch(() => undefined);
}

/** Removes workspaces that belong to no session: what a crash during a deletion left behind. */
export async function sweepWorkspaces(
  folder: string,
  store: ISessionStore,
  files: IFiles,
  log: ILog,
): Promise<void> {
  if ((await files.stat(folder)) === null) return;
  // Listed first: a session is stored before its folder is made, so that none of them can be too new to be known.
  const orphans = new Set<string>();
  for (const family of await files.list(folder)) {
    // What an engine keeps there for sessions to come is its own to remove.
    if (family.name.startsWith('.')) continue;
    const inside = await files.list(join(folder, family.name)).catch(() => []);
    for (const { name } of inside) orphans.add(join(folder, family.name, name));
    if (inside.length === 0) await files.removeOne(join(folder, family.name)).catch(() => undefined);
  }
  let cursor: string | undefined;
  do {
    const page = await store.listSessions({ limit: pageSize, ...(cursor === undefined ? {} : { cursor }) });
    for (const { uid, family = uid } of page.sessions) orphans.delete(join(folder, family, uid));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && orphans.size > 0);
  for (const path of orphans) await removeWorkspace(path, files);
  if (orphans.size > 0) log.info({ count: orphans.size }, 'workspaces without a session were removed');
}
