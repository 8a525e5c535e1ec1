/**
 * Makes a workspace folder what a checkpoint says it was: files that should not be there go, changed ones are written
 * anew, and unchanged ones are left alone. Works through folders that are held open, so that nothing outside is
 * touched.
 */
import { SojournError } from '../types/errors.js';
import type { FileOwner, FileStat, HeldDirectory, IFiles } from '../types/ports.js';
import { hasPieces, isFileError } from './workspace-files.js';
import { folderOf, workspaceManifestSchema, workspacePieceBytes } from './workspace-manifest.js';
import type { WorkspaceEntry, WorkspaceFile, WorkspaceManifest } from './workspace-manifest.js';

/**
 * @param directory made when it is not there.
 * @param read gives the bytes of a piece by its hash.
 * @throws storage_error when the manifest is malformed (then nothing was touched) or the folder cannot be written
 */
export async function restoreWorkspace(
  directory: string,
  manifest: WorkspaceManifest,
  read: (hash: string) => Promise<Uint8Array>,
  files: IFiles,
): Promise<void> {
  if (!workspaceManifestSchema.safeParse(manifest).success) {
    const detail = `The checkpoint's list of files for ${directory} is malformed; nothing was restored.`;
    throw new SojournError('storage_error', detail, { path: directory, damaged: true });
  }
  let root: HeldDirectory | undefined;
  try {
    await files.makeDirectory(directory);
    root = await files.holdDirectory(directory);
    // New files belong to whom the folder belongs: the session, not the server. Only root can give files away.
    const owner = process.getuid?.() === 0 ? (await files.stat(directory))?.owner : undefined;
    await new Restore(manifest, read, files, owner).folder(root, '');
  } catch (error) {
    if (!isFileError(error)) throw error;
    const detail = `The workspace ${directory} cannot be restored (${error.code}); check its permissions and free space.`;
    throw new SojournError(
      'storage_error',
      detail,
      { path: directory, cause_code: error.code },
      { cause: error },
    );
  } finally {
    await root?.dispose();
  }
}

class Restore {
  private readonly inFolder = new Map<string, WorkspaceEntry[]>();
  private readonly skipped: ReadonlySet<string>;

  constructor(
    manifest: WorkspaceManifest,
    private readonly read: (hash: string) => Promise<Uint8Array>,
    private readonly files: IFiles,
    private readonly owner: FileOwner | undefined,
  ) {
    this.skipped = new Set(manifest.skipped);
    for (const entry of manifest.entries) {
      const folder = folderOf(entry.path);
      const siblings = this.inFolder.get(folder);
      if (siblings) siblings.push(entry);
      else this.inFolder.set(folder, [entry]);
    }
  }

  async folder(held: HeldDirectory, path: string): Promise<void> {
    const wanted = this.inFolder.get(path) ?? [];
    const names = new Set(wanted.map(({ path: inner }) => nameOf(inner)));
    for (const { name } of await this.files.list(held.path)) {
      const inner = path === '' ? name : `${path}/${name}`;
      const stays = names.has(name) || this.skipped.has(inner) || this.skipped.has(path);
      if (!stays) await this.files.remove(`${held.path}/${name}`);
    }
    for (const entry of wanted) await this.entry(held, entry);
  }

  private async entry(held: HeldDirectory, entry: WorkspaceEntry): Promise<void> {
    const reach = `${held.path}/${nameOf(entry.path)}`;
    const found = await this.files.stat(reach);
    if (entry.type === 'file') {
      if (await this.isSame(reach, found, entry)) return;
      if (found) await this.files.remove(reach);
      const { mode, mtime_ms: mtimeMs } = entry;
      await this.files.writePieces(reach, this.pieces(entry), { mode, mtimeMs, owner: this.owner });
    } else if (entry.type === 'link') {
      if (found?.type === 'link' && (await this.files.readLink(reach)) === entry.target) return;
      if (found) await this.files.remove(reach);
      await this.files.makeLink(reach, entry.target);
    } else {
      if (found && found.type !== 'directory') await this.files.remove(reach);
      if (found?.type !== 'directory') await this.files.makeDirectory(reach, 0o700);
      await this.inner(reach, entry.path, entry.mode);
    }
  }

  private async inner(reach: string, path: string, mode: number): Promise<void> {
    const held = await this.files.holdDirectory(reach);
    try {
      await held.setAttributes({ mode: mode | 0o700 });
      await this.folder(held, path);
      await held.setAttributes({ mode, owner: this.owner });
    } finally {
      await held.dispose();
    }
  }

  private async isSame(reach: string, found: FileStat | null, file: WorkspaceFile): Promise<boolean> {
    if (found?.type !== 'file' || found.size !== file.size || (found.mode & 0o777) !== file.mode)
      return false;
    const { fingerprint, pieces } = file;
    if (fingerprint?.ctime_ms === found.ctimeMs && fingerprint.inode === found.inode) return true;
    return hasPieces(this.files, reach, pieces, workspacePieceBytes);
  }

  private async *pieces(file: WorkspaceFile): AsyncGenerator<Uint8Array> {
    for (const hash of file.pieces) yield await this.read(hash);
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
