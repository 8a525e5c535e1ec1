/** The folders of a session on the disk, beside the store: where they are, and how they go with the session. */
import { join } from 'node:path';
import type { IConfig } from '../types/config.js';
import type { IFiles, ILog } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { removeWorkspace, sweepWorkspaces, workspaceOf, workspacesOf } from './workspaces.js';

export interface SessionFolders {
  /** The files of the session's own code. */
  readonly workspace: string;
  /** Its files while recovery makes them anew. */
  readonly aside: string;
  /** Output that is too much for the journal. */
  readonly outputs: string;
}

type Place = Pick<IConfig, 'data_dir'>;

const outputsOf = ({ data_dir }: Place): string => join(data_dir, 'outputs');

/** On the disk of the workspaces, for files are moved there, and out of the reach of all sessions. */
const asidesOf = (config: Place): string => join(workspacesOf(config), '.aside');

export const sessionFolders = (record: SessionRecord, config: Place): SessionFolders => ({
  workspace: workspaceOf(record, config),
  aside: join(asidesOf(config), record.family ?? record.uid, record.uid),
  outputs: join(outputsOf(config), record.family ?? record.uid, record.uid),
});

/** What cannot be removed now is swept at a later start. */
export async function removeSessionFolders(folders: SessionFolders, files: IFiles, log: ILog): Promise<void> {
  for (const folder of [folders.workspace, folders.aside, folders.outputs]) {
    await removeWorkspace(folder, files).catch((error: unknown) => {
      log.warn({ err: error }, 'a folder of a session could not be removed');
    });
  }
}

/** A fork reads what its forebear has put out: each file is linked, for none of them is written again. */
export async function linkOutputs(from: string, to: string, files: IFiles): Promise<void> {
  if ((await files.stat(from)) === null) return;
  await files.makeDirectory(to, 0o700);
  for (const { name } of await files.list(from)) await files.copy(join(from, name), join(to, name));
}

/** Removes what belongs to no session any more. */
export async function sweepSessionFolders(
  config: Place,
  store: ISessionStore,
  files: IFiles,
  log: ILog,
): Promise<void> {
  for (const folder of [workspacesOf(config), asidesOf(config), outputsOf(config)]) {
    await sweepWorkspaces(folder, store, files, log).catch((error: unknown) => {
      log.warn({ err: error }, 'left-over folders could not be removed');
    });
  }
}
