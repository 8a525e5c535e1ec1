/** Removing and comparing in a folder that others may be writing to; shared by nobody but the workspace keeper. */
import { createHash } from 'node:crypto';
import type { HeldDirectory, IFiles } from '../types/ports.js';

/** What the file system threw, told from our own errors and from mistakes. */
export function isFileError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));
}

/**
 * Removes what has this name in the folder, with all that is in it. Goes down through folders it holds open, so that
 * a folder that is swapped for a link is not followed.
 */
export async function removeTree(files: IFiles, held: HeldDirectory, name: string): Promise<void> {
  const path = `${held.path}/${name}`;
  const stat = await files.stat(path);
  if (stat === null) return;
  if (stat.type === 'directory') {
    const inner = await files.holdDirectory(path);
    try {
      // Its own code may have locked the folder.
      await inner.setAttributes({ mode: 0o700 });
      for (const entry of await files.list(inner.path)) await removeTree(files, inner, entry.name);
    } finally {
      await inner.dispose();
    }
  }
  await files.removeOne(path).catch((error: unknown) => {
    if (!isFileError(error) || error.code === 'ENOENT') return;
    // Names that are no text are not listed; what removes whole folders goes by their bytes.
    if (error.code !== 'ENOTEMPTY') throw error;
    return files.remove(path);
  });
}

/** True when the file consists of exactly these pieces. */
export async function hasPieces(
  files: IFiles,
  path: string,
  pieces: readonly string[],
  pieceBytes: number,
): Promise<boolean> {
  let index = 0;
  for await (const piece of files.readPieces(path, pieceBytes)) {
    if (createHash('sha256').update(piece).digest('hex') !== pieces[index]) return false;
    index += 1;
  }
  return index === pieces.length;
}
