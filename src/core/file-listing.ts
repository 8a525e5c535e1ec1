/** Lists a workspace: its entries as data, and the same as a drawn tree. */
import type { FileList, WorkspaceFileEntry } from '../types/files.js';
import type { HeldDirectory, IFiles } from '../types/ports.js';
import { fileErrors, withFileErrors } from './file-errors.js';
import { collect, drawTree } from './file-tree.js';
import type { TreeEntry } from './file-tree.js';
import type { SessionFiles } from './session-files.js';
import { workspaceDepthMax } from './workspace-manifest.js';

export interface ListRequest {
  readonly path: string;
  readonly recursive: boolean;
  readonly tree: boolean;
  /** Null: all of it. */
  readonly max_depth: number | null;
  readonly include_files: boolean;
  readonly include_dirs: boolean;
}

/** What one answer holds. */
const listedMax = 20_000;

export class FileListing {
  constructor(
    private readonly session: SessionFiles,
    private readonly files: IFiles,
  ) {}

  /** @throws invalid_params · file_not_found */
  list(request: ListRequest): Promise<FileList> {
    return withFileErrors(request.path === '' ? '.' : request.path, () =>
      this.session.at(request.path, { follow: true }, async ({ found, path, name, reach }) => {
        if (!found) throw fileErrors.notFound(request.path);
        const root = path === '' ? '.' : path;
        if (found.type !== 'directory') {
          const entry: TreeEntry = { path, name, stat: found, depth: 1 };
          const tree = request.tree ? { tree: name } : {};
          return {
            root,
            workspace: await this.workspace(),
            files: [toEntry(entry)],
            complete: true,
            ...tree,
          };
        }
        const held = await this.files.holdDirectory(reach);
        try {
          return { root, workspace: await this.workspace(), ...(await this.folder(held, path, request)) };
        } finally {
          await held.dispose();
        }
      }),
    );
  }

  private async folder(held: HeldDirectory, path: string, request: ListRequest) {
    const { recursive, tree, include_dirs, include_files } = request;
    const deep = recursive || tree ? Math.min(request.max_depth ?? workspaceDepthMax, workspaceDepthMax) : 1;
    const entries: TreeEntry[] = [];
    const options = { files: this.files, depthMax: deep, entriesMax: listedMax };
    const complete = await collect(held, path === '' ? '' : `${path}/`, options, (entry) => {
      if (entry.stat.type === 'directory' ? include_dirs : include_files) entries.push(entry);
    });
    const drawn = tree ? { tree: drawTree(`${path.split('/').at(-1) || '.'}/`, entries) } : {};
    return { files: entries.map(toEntry).sort(byPath), complete, ...drawn };
  }

  private workspace(): Promise<string> {
    return this.files.realPath(this.session.folder);
  }
}

const toEntry = ({ path, name, stat }: TreeEntry): WorkspaceFileEntry => ({
  path,
  name,
  kind: stat.type,
  size: stat.type === 'file' ? stat.size : null,
  modified_at: new Date(stat.mtimeMs).toISOString(),
});

const byPath = (a: WorkspaceFileEntry, b: WorkspaceFileEntry): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
