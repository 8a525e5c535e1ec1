/** Copies the files of a workspace: regular files and folders, and links as links. */
import { join } from 'node:path';
import type { IFiles } from '../../types/ports.js';

export async function copyFolder(from: string, to: string, files: IFiles): Promise<void> {
  await files.makeDirectory(to, 0o700);
  for (const { name, type } of await files.list(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (type === 'directory') await copyFolder(source, target, files);
    else if (type === 'file') await files.writePieces(target, files.readPieces(source));
    else if (type === 'link') await files.makeLink(target, await files.readLink(source));
  }
}
