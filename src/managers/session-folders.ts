/** The folders of a session on the disk, beside the store: where they are, and how they go with the session. */
import { join } from 'node:path';
import type { IFiles, ILog } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { sweepWorkspaces } from './workspace-sweep.js';

export interface SessionFolders {
  /** The files of the session's own code. */
  readonly workspace: string;
  /** Output that is too much for the journal. */
  readonly outputs: string;
}

export const sessionFolders = (dataDir: string, { uid }: Pick<SessionRecord, 'uid'>): SessionFolders => ({
  workspace: join(dataDir, 'workspaces', uid),
  outputs: join(dataDir, 'outputs', uid),
});

/** What cannot be removed now is swept at a later start. */
export async function removeSessionFolders(folders: SessionFolders, files: IFiles, log: ILog): Promise<void> {
  for (const folder of [folders.workspace, folders.outputs]) {
    await files.remove(folder).catch((error: unknown) => {
      log.warn({ err: error }, 'a folder of a session could not be removed');
    });
  }
}

/** Removes what belongs to no session any more. */
export async function sweepSessionFolders(
  dataDir: string,
  store: ISessionStore,
  files: IFiles,
  log: ILog,
): Promise<void> {
  for (const kind of ['workspaces', 'outputs']) {
    await sweepWorkspaces(join(dataDir, kind), store, files, log).catch((error: unknown) => {
      log.warn({ err: error }, 'left-over folders could not be removed');
    });
  }
}
