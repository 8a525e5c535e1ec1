/** What went wrong with a file, and whether one is what it was, in a folder that others may be writing to. */
import { createHash } from 'node:crypto';
import type { IFiles } from '../types/ports.js';

/** What the file system threw, told from our own errors and from mistakes. */
export function isFileError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z0-9]+$/.test(String(error.code));
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
