/** Workspaces, and lists of their files, that were made to lead the server out of the folder. */
import { expect } from 'chai';
import { lstat, mkdir, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, systemFiles } from '../src/core/system.js';
import { captureWorkspace, restoreWorkspace } from '../src/core/workspace.js';
import type { WorkspaceCapture, WorkspaceManifest } from '../src/core/workspace.js';
import { isSojournError } from '../src/types/errors.js';
import type { IFiles } from '../src/types/ports.js';
import { MemoryParts } from './support/memory-parts.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('workspace keeper in bad company', () => {
  let folder = '';
  let workspace = '';
  let parts = new MemoryParts();

  beforeEach(async () => {
    folder = await temporaryFolder('workspace');
    workspace = join(folder, 'work');
    parts = new MemoryParts();
    await mkdir(workspace);
  });

  const capture = (files: IFiles = systemFiles): Promise<WorkspaceCapture> =>
    captureWorkspace(workspace, parts, null, { maxBytes: 1e9, clock: systemClock, files });
  const restore = (manifest: WorkspaceManifest) =>
    restoreWorkspace(workspace, manifest, parts.read, systemFiles);
  const put = async (path: string, content: string) => {
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await writeFile(join(workspace, path), content);
  };

  it('follows no link that takes the place of a folder or a file while it reads', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await put('folder/inner', 'x');
    await put('file', 'x');
    const swapping: IFiles = {
      ...systemFiles,
      async stat(path) {
        const found = await systemFiles.stat(path);
        if (path.endsWith('/folder') && found?.type === 'directory') {
          await rm(join(workspace, 'folder'), { recursive: true });
          await symlink(outside, join(workspace, 'folder'));
        }
        if (path.endsWith('/file') && found?.type === 'file') {
          await rm(join(workspace, 'file'));
          await symlink(join(outside, 'secret'), join(workspace, 'file'));
        }
        return found;
      },
    };
    const { notKept } = await capture(swapping);
    expect([...parts.bytes.values()].map((bytes) => Buffer.from(bytes).toString())).to.not.include('secret');
    expect(notKept.map(({ name }) => name)).to.deep.equal(['file', 'folder']);
  });

  it('stays in a folder that is moved away and replaced by a link while it is open', async function () {
    if (process.platform !== 'linux') this.skip();
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'inner'), 'secret');
    await put('folder/inner', 'mine');
    const swapping: IFiles = {
      ...systemFiles,
      async holdDirectory(path) {
        const held = await systemFiles.holdDirectory(path);
        if (path.endsWith('/folder')) {
          await rename(join(workspace, 'folder'), join(workspace, 'moved'));
          await symlink(outside, join(workspace, 'folder'));
        }
        return held;
      },
    };
    await capture(swapping);
    expect([...parts.bytes.values()].map((bytes) => Buffer.from(bytes).toString())).to.deep.equal(['mine']);
  });

  it('writes and removes nothing outside of the folder when links lead there', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'inner'), 'precious');
    await put('folder/inner', 'mine');
    await put('file', 'mine');
    const { manifest } = await capture();
    await rm(join(workspace, 'folder'), { recursive: true });
    await symlink(outside, join(workspace, 'folder'));
    await rm(join(workspace, 'file'));
    await symlink(join(outside, 'inner'), join(workspace, 'file'));
    await symlink(outside, join(workspace, 'extra'));
    await restore(manifest);
    expect(await readFile(join(outside, 'inner'), 'utf8')).to.equal('precious');
    expect((await lstat(join(workspace, 'folder'))).isDirectory()).to.equal(true);
    expect(await readFile(join(workspace, 'folder', 'inner'), 'utf8')).to.equal('mine');
  });

  const file = { type: 'file', mode: 0o644, mtime_ms: 0, size: 0, pieces: [], fingerprint: null };
  const hostile: [string, object[]][] = [
    ['a path upwards', [{ ...file, path: '../escape' }]],
    ['an absolute path', [{ ...file, path: '/etc/escape' }]],
    ['a path with an inner step upwards', [{ ...file, path: 'a/../../escape' }]],
    ['a path that is not normalised', [{ ...file, path: './escape' }]],
    ['an empty path', [{ ...file, path: '' }]],
    ['a NUL in a path', [{ ...file, path: 'a\0b' }]],
    ['a path that ends in a slash', [{ ...file, path: 'a/' }]],
    [
      'a file below a link',
      [
        { type: 'link', path: 'a', target: '/' },
        { ...file, path: 'a/escape' },
      ],
    ],
    [
      'a path twice',
      [
        { ...file, path: 'a' },
        { ...file, path: 'a' },
      ],
    ],
    ['a file in a folder that is not named', [{ ...file, path: 'a/b' }]],
    ['a mode beyond rights', [{ ...file, path: 'a', mode: 0o4755 }]],
    ['a piece that is no hash', [{ ...file, path: 'a', pieces: ['../../x'] }]],
  ];
  for (const [what, entries] of hostile) {
    it(`refuses a manifest with ${what} and touches nothing`, async () => {
      await put('kept', 'x');
      const manifest: unknown = { version: 1, entries, skipped: [] };
      const error: unknown = await restore(manifest as WorkspaceManifest).catch((thrown: unknown) => thrown);
      expect(isSojournError(error, 'storage_error')).to.equal(true);
      expect(await readdir(folder)).to.deep.equal(['work']);
      expect(await readdir(workspace)).to.deep.equal(['kept']);
    });
  }
});
