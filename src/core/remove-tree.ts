/**
 * Removes a folder with all that is in it while others may be writing there. Goes down only through folders that it
 * holds open, so that one that is swapped for a link is never followed: what is removed is always a name in a held
 * folder. However deep, wide or lively the tree is, the work needs little memory, few descriptors, and ends.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

/** So many folders are held at once; what lies deeper is moved up first. */
const depthMax = 16;
/** How often something may have come back, or have become something else, before it counts as in use. */
const roundsMax = 10;
/** Names that are looked at: far more than a workspace has, and an end where they are made faster than removed. */
const namesMax = 5_000_000;

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Linux says EISDIR for a folder; EPERM is for those that say otherwise. */
const folderCodes = new Set(['EISDIR', 'EPERM']);
const noFolderCodes = new Set(['ENOTDIR', 'ELOOP']);
/** Somebody wrote to the folder meanwhile, or put something else in its place. */
const writtenCodes = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

/**
 * Silent when nothing is there. A link is removed, and what it leads to stays. The folders that lead to `path` are
 * trusted; where others can swap them, they are to be held and `path` begins with the held one.
 * @param freshName gives a name that nobody can foresee.
 * @throws ENOTEMPTY when others go on to write to the folder, and what the file system throws
 */
export async function removeTree(path: string, freshName: () => string): Promise<void> {
  if (process.platform !== 'linux') {
    // Folders cannot be gone through by descriptor there.
    await fs.rm(path, { recursive: true, force: true });
    return;
  }
  const removal = new Removal(freshName);
  await removeName(Buffer.from(path), (top) => removal.clear(top));
}

class Removal {
  private seen = 0;
  /** Names in the top folder. */
  private readonly moved: string[] = [];

  constructor(private readonly freshName: () => string) {}

  /** Removes what is in the folder. */
  async clear(top: fs.FileHandle): Promise<void> {
    await this.inside(top, top, 1);
    for (let name = this.moved.pop(); name !== undefined; name = this.moved.pop())
      await removeName(reachOf(top, name), (inner) => this.inside(inner, top, 2));
  }

  private async inside(folder: fs.FileHandle, top: fs.FileHandle, depth: number): Promise<void> {
    // Names need not be text: read as Latin-1, each byte is a character and can be had back.
    for await (const { name } of await fs.opendir(pathOf(folder), { encoding: 'latin1', bufferSize: 256 })) {
      this.seen += 1;
      if (this.seen > namesMax) throw inUse();
      const reach = reachOf(folder, name);
      await removeName(reach, (inner) =>
        depth < depthMax ? this.inside(inner, top, depth + 1) : this.moveUp(reach, top),
      );
    }
  }

  /** To where a few steps lead, so that neither depth nor descriptors grow. */
  private async moveUp(reach: Buffer, top: fs.FileHandle): Promise<void> {
    const name = this.freshName();
    if ((await attempt(() => fs.rename(reach, reachOf(top, name)))) === 'done') this.moved.push(name);
  }
}

/** Removes one name. A folder is emptied first; one that is no folder any more, or gone, is none to empty. */
async function removeName(reach: Buffer, empty: (folder: fs.FileHandle) => Promise<void>): Promise<void> {
  let refusal = inUse();
  for (let round = 0; round < roundsMax; round += 1) {
    const unlinked = await attempt(() => fs.unlink(reach), folderCodes);
    if (!(unlinked instanceof Error)) return;
    await emptied(reach, empty);
    const removed = await attempt(() => fs.rmdir(reach), writtenCodes);
    if (!(removed instanceof Error)) return;
    // For what is no folder, the reason is the one why it could not be unlinked.
    refusal = removed.code === 'ENOTDIR' ? unlinked : removed;
  }
  throw refusal;
}

async function emptied(reach: Buffer, empty: (folder: fs.FileHandle) => Promise<void>): Promise<void> {
  let folder: fs.FileHandle | undefined;
  const opened = await attempt(async () => (folder = await fs.open(reach, flags)), noFolderCodes);
  if (opened !== 'done' || folder === undefined) return;
  try {
    const { mode, uid } = await folder.stat();
    // Whoever is not root has to give the folder's owner, which it is, the right to remove.
    if ((mode & 0o300) !== 0o300 && uid === process.getuid?.()) await folder.chmod(0o700);
    await empty(folder);
  } finally {
    await folder.close();
  }
}

const pathOf = (folder: fs.FileHandle): string => `/proc/self/fd/${folder.fd}`;

/** @param name in Latin-1 */
const reachOf = (folder: fs.FileHandle, name: string): Buffer =>
  Buffer.from(`${pathOf(folder)}/${name}`, 'latin1');

const inUse = (): NodeJS.ErrnoException =>
  Object.assign(new Error('others go on to write to the folder'), { code: 'ENOTEMPTY' });

/** The error itself when it is one of these. @throws any other one */
async function attempt(
  work: () => Promise<unknown>,
  codes: ReadonlySet<string> = new Set(),
): Promise<'done' | 'gone' | NodeJS.ErrnoException> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const failure: NodeJS.ErrnoException = error;
    if (failure.code === 'ENOENT') return 'gone';
    if (failure.code !== undefined && codes.has(failure.code)) return failure;
    throw error;
  }
}
