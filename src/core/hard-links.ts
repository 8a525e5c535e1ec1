/**
 * Opens a file of a workspace and makes sure that it is one: a hard link looks like any other file, and may be a
 * second name of a file that lies outside.
 */
import type { FileStat, HeldFile, IFiles } from '../types/ports.js';
import { fileErrors } from './file-errors.js';
import { treeOf } from './file-tree.js';
import { workspaceDepthMax, workspaceEntriesMax } from './workspace-manifest.js';

/** @throws invalid_params when the file has a name outside of `folder` */
export async function holdInside(
  files: IFiles,
  folder: string,
  reach: string,
  path: string,
): Promise<HeldFile> {
  const held = await files.holdFile(reach);
  try {
    if (held.stat.links > 1 && !(await hasAllNamesIn(files, folder, held.stat)))
      throw fileErrors.outside(path);
    return held;
  } catch (error) {
    await held.dispose();
    throw error;
  }
}

async function hasAllNamesIn(files: IFiles, folder: string, wanted: FileStat): Promise<boolean> {
  const root = await files.holdDirectory(folder);
  try {
    // Whoever may link a file of somebody else could also move names about while they are counted.
    const owner = (await files.stat(folder))?.owner;
    if (owner?.uid !== wanted.owner.uid) return false;
    const options = { files, depthMax: workspaceDepthMax, entriesMax: workspaceEntriesMax };
    let names = 0;
    for await (const { stat } of treeOf(root, '', options)) {
      if (stat.type === 'file' && stat.inode === wanted.inode) names += 1;
      if (names === wanted.links) return true;
    }
    return false;
  } finally {
    await root.dispose();
  }
}
