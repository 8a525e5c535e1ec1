/** Keeping a workspace folder in checkpoints, and what happens to folders that were made to fool it. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock, systemFiles } from '../src/core/system.js';
import { captureWorkspace, restoreWorkspace, workspaceManifestSchema } from '../src/core/workspace.js';
import type { WorkspaceCapture, WorkspaceManifest } from '../src/core/workspace.js';
import { isSojournError } from '../src/types/errors.js';
import type { IClock, IFiles } from '../src/types/ports.js';
import { MemoryParts } from './support/memory-parts.js';
import { temporaryFolder } from './support/temporary-folder.js';

const run = promisify(execFile);

/** A clock so far ahead that no file is young. */
const later: IClock = {
  now: () => Date.now() + 3_600_000,
  monotonic: () => 0,
  setTimer: () => ({ cancel: () => undefined }),
};

describe('workspace keeper', () => {
  let folder = '';
  let workspace = '';
  let parts = new MemoryParts();

  beforeEach(async () => {
    folder = await temporaryFolder('workspace');
    workspace = join(folder, 'work');
    parts = new MemoryParts();
    await mkdir(workspace);
  });

  const capture = (
    previous: WorkspaceManifest | null = null,
    maxBytes = 1e9,
    files: IFiles = systemFiles,
  ): Promise<WorkspaceCapture> =>
    captureWorkspace(workspace, parts, previous, { maxBytes, clock: later, files });
  const restore = (manifest: WorkspaceManifest) =>
    restoreWorkspace(workspace, manifest, parts.read, systemFiles);
  const put = async (path: string, content: string | Uint8Array) => {
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await writeFile(join(workspace, path), content);
  };

  /** Everything below a folder: type, mode, content. */
  async function picture(root = workspace, prefix = ''): Promise<Record<string, string>> {
    const seen: Record<string, string> = {};
    for (const name of (await readdir(join(root, prefix))).sort()) {
      const path = join(prefix, name);
      const found = await lstat(join(root, path));
      const mode = (found.mode & 0o777).toString(8);
      if (found.isSymbolicLink()) seen[path] = `link ${await readlink(join(root, path))}`;
      else if (found.isDirectory())
        Object.assign(seen, { [path]: `folder ${mode}` }, await picture(root, path));
      else
        seen[path] = `file ${mode} ${createHash('md5')
          .update(await readFile(join(root, path)))
          .digest('hex')}`;
    }
    return seen;
  }

  it('brings back files, folders, links, modes and times exactly', async () => {
    await put('a.txt', 'A');
    await put('deep/er/b.bin', Buffer.from([0, 255, 10]));
    await put('empty', '');
    await put('ünï👍 "quoted"\n', 'odd name');
    await mkdir(join(workspace, 'hollow'));
    await symlink('a.txt', join(workspace, 'link'));
    await symlink('/etc/passwd', join(workspace, 'outward'));
    await chmod(join(workspace, 'a.txt'), 0o640);
    await chmod(join(workspace, 'deep'), 0o700);
    await utimes(join(workspace, 'a.txt'), 1000, 1000);
    const before = await picture();
    const { manifest, notKept } = await capture();
    expect(notKept).to.deep.equal([]);
    await rm(workspace, { recursive: true });
    await restore(workspaceManifestSchema.parse(JSON.parse(JSON.stringify(manifest))));
    expect(await picture()).to.deep.equal(before);
    expect((await stat(join(workspace, 'a.txt'))).mtimeMs).to.equal(1_000_000);
  });

  it('removes what was not there, rewrites what changed and leaves the rest alone', async () => {
    await put('same', 'same');
    await put('changed', 'before');
    await put('folder/inner', 'x');
    await put('becomes-folder', 'file');
    const { manifest } = await capture();
    const before = await picture();
    const untouched = await stat(join(workspace, 'same'));
    await put('changed', 'AFTER!');
    await put('extra/deep/file', 'x');
    await rm(join(workspace, 'folder'), { recursive: true });
    await put('folder', 'now a file');
    await rm(join(workspace, 'becomes-folder'));
    await put('becomes-folder/x', 'x');
    await restore(manifest);
    expect(await picture()).to.deep.equal(before);
    expect((await stat(join(workspace, 'same'))).ctimeMs).to.equal(untouched.ctimeMs);
  });

  it('leaves a file with the same content alone though its times changed', async () => {
    await put('same', 'same');
    const { manifest } = await capture();
    await utimes(join(workspace, 'same'), 5000, 5000);
    const { ctimeMs } = await stat(join(workspace, 'same'));
    await restore(manifest);
    expect((await stat(join(workspace, 'same'))).ctimeMs).to.equal(ctimeMs);
  });

  it('reads unchanged files only once', async () => {
    await put('a', 'A');
    await put('b', 'B');
    const first = await capture();
    const read: string[] = [];
    const watching: IFiles = {
      ...systemFiles,
      readPieces: (path, pieceBytes) => {
        read.push(path.slice(path.lastIndexOf('/') + 1));
        return systemFiles.readPieces(path, pieceBytes);
      },
    };
    await put('b', 'new');
    const second = await capture(first.manifest, 1e9, watching);
    expect(read).to.deep.equal(['b']);
    expect(second.manifest.entries.map((entry) => entry.path)).to.deep.equal(['a', 'b']);
    expect(parts.puts).to.equal(3);
    expect(parts.names.slice(2)).to.deep.equal(['workspace:0:a', 'workspace:0:b']);
  });

  it('reads a file again that was written just before it was looked at', async () => {
    await put('a', 'A');
    const { manifest } = await captureWorkspace(workspace, parts, null, {
      maxBytes: 1e9,
      files: systemFiles,
      clock: systemClock,
    });
    const [entry] = manifest.entries;
    expect(entry?.type === 'file' && entry.fingerprint).to.equal(null);
  });

  it('keeps large files in pieces and shares the pieces that did not change', async () => {
    const size = 9 * 2 ** 20;
    const content = Buffer.alloc(size, 'abcdefg');
    await put('big', content);
    const first = await capture();
    expect(parts.puts).to.equal(3);
    await writeFile(join(workspace, 'big'), 'appended', { flag: 'a' });
    await capture(first.manifest);
    expect(parts.puts).to.equal(4);
    expect(Math.max(...[...parts.bytes.values()].map((bytes) => bytes.length))).to.be.at.most(4 * 2 ** 20);
    await restore(first.manifest);
    expect((await readFile(join(workspace, 'big'))).equals(content)).to.equal(true);
  });

  it('names what is over the limit with its setting, and a restore leaves it there', async () => {
    await put('big', Buffer.alloc(5000));
    await put('small', 'x');
    const { manifest, notKept } = await capture(null, 1000);
    expect(notKept).to.have.length(1);
    expect(notKept[0]?.name).to.equal('big');
    expect(notKept[0]?.reason).to.match(/limits\.workspace_bytes/);
    await put('small', 'y');
    await restore(manifest);
    expect((await stat(join(workspace, 'big'))).size).to.equal(5000);
    expect(await readFile(join(workspace, 'small'), 'utf8')).to.equal('x');
  });

  it('names sockets and pipes instead of reading them', async () => {
    await run('mkfifo', [join(workspace, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(workspace, 'socket'), resolve));
    const { manifest, notKept } = await capture();
    expect(notKept.map(({ name }) => name)).to.deep.equal(['pipe', 'socket']);
    expect(manifest.entries).to.deep.equal([]);
    await restore(manifest);
    expect(await readdir(workspace)).to.deep.equal(['pipe', 'socket']);
    await new Promise((resolve) => server.close(resolve));
  });

  it('names at most a hundred of what is not kept', async () => {
    for (let index = 0; index < 120; index += 1) await put(`f${index}`, 'xx');
    const { notKept } = await capture(null, 1);
    expect(notKept).to.have.length(101);
    expect(notKept.at(-1)?.reason).to.equal('20 more are not kept');
  });

  it('goes no deeper than its limit and leaves what is there alone', async () => {
    const deep = Array.from({ length: 70 }, () => 'd').join('/');
    await put(`${deep}/file`, 'x');
    const { manifest, notKept } = await capture();
    expect(notKept[0]?.reason).to.match(/nested too deep/);
    expect(workspaceManifestSchema.safeParse(manifest).success).to.equal(true);
    await restore(manifest);
    expect(await readFile(join(workspace, deep, 'file'), 'utf8')).to.equal('x');
  });

  it('passes over files that go while they are looked at', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, name);
    const vanishing: IFiles = {
      ...systemFiles,
      async stat(path) {
        const found = await systemFiles.stat(path);
        if (path.endsWith('/b')) await rm(join(workspace, 'b'), { force: true });
        return path.endsWith('/c') ? null : found;
      },
    };
    const { manifest, notKept } = await capture(null, 1e9, vanishing);
    expect(manifest.entries.map(({ path }) => path)).to.deep.equal(['a']);
    expect(notKept.map(({ name }) => name)).to.deep.equal(['b', 'c']);
  });

  it('says so when the folder is not there or not to be read', async () => {
    await rm(workspace, { recursive: true });
    const error: unknown = await capture().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(/cannot be read/);
  });

  it('lets what the store throws pass unchanged', async () => {
    await put('a', 'A');
    parts.put = () => Promise.reject(new Error('the store failed'));
    const error: unknown = await capture().catch((thrown: unknown) => thrown);
    expect(String(error)).to.equal('Error: the store failed');
  });

  it('gives restored files to the owner of the folder', async function () {
    if (process.getuid?.() !== 0) this.skip();
    await put('folder/a', 'A');
    const { manifest } = await capture();
    await rm(workspace, { recursive: true });
    await mkdir(workspace);
    await run('chown', ['4711:4712', workspace]);
    await restore(manifest);
    for (const path of ['folder', 'folder/a']) {
      const { uid, gid } = await stat(join(workspace, path));
      expect([uid, gid]).to.deep.equal([4711, 4712]);
    }
  });

  it('keeps sparse and growing files within the limit', async () => {
    await put('sparse', '');
    await truncate(join(workspace, 'sparse'), 50_000_000);
    const { manifest, notKept } = await capture(null, 1_000_000);
    expect(notKept.map(({ name }) => name)).to.deep.equal(['sparse']);
    expect(manifest.skipped).to.deep.equal(['sparse']);
    const growing: IFiles = {
      ...systemFiles,
      async *readPieces() {
        for (;;) yield new Uint8Array(400_000);
      },
    };
    await truncate(join(workspace, 'sparse'), 10);
    const second = await capture(null, 1_000_000, growing);
    expect(second.notKept[0]?.reason).to.match(/grew while it was read/);
  });
});
