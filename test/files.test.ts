import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { isSojournError } from '../src/types/errors.js';
import { codeOf, counter } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

/** What an error says for machines. */
const fieldsOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.catch((caught: unknown) => caught);
  if (!isSojournError(error)) throw new Error('it did not fail with one of our errors');
  return { code: error.code, ...error.fields };
};

describe('files of a session', () => {
  let world: World;
  let session: ISession;
  let workspace = '';

  const open = async (options?: WorldOptions) => {
    world = await openWorld(options);
    session = await world.client.createSession({ ...counter, sessionId: 'a' });
    ({ workspace } = await session.files.list());
  };
  beforeEach(() => open());
  afterEach(() => world.close());

  const put = async (path: string, content = '') => {
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await writeFile(join(workspace, path), content);
  };
  const names = async (path = '', options = {}) =>
    (await session.files.list(path, options)).files.map((file) => file.path);

  describe('K-23: written, read and deleted', () => {
    it('are the same text when they are read', async () => {
      const written = await session.files.write('a/b.txt', 'hé');
      expect(written).to.include({ path: 'a/b.txt', size: 3, created: true, durable: true });
      expect(written.fullPath).to.equal(join(workspace, 'a/b.txt'));
      expect(await session.files.read('a/b.txt')).to.include({
        path: 'a/b.txt',
        text: 'hé',
        binary: false,
        encoding: 'utf-8',
        size: 3,
        nextOffset: null,
      });
      expect(await session.files.write('a/b.txt', 'x')).to.include({ size: 1, created: false });
    });

    it('are base64 where they are no text, or are cut inside of a character', async () => {
      await session.files.write('t', 'hé');
      expect(await session.files.read('t', { maxBytes: 2 })).to.include({ base64: 'aMM=', binary: true });
      expect(await session.files.read('t', { maxBytes: 2 })).to.include({ size: 3, nextOffset: 2 });
      expect(await session.files.read('t', { maxBytes: 1 })).to.include({ text: 'h', nextOffset: 1 });
      expect(await session.files.read('t', { offset: 1 })).to.include({
        text: 'é',
        offset: 1,
        nextOffset: null,
      });
      expect(await session.files.read('t', { offset: 9 })).to.include({ text: '', nextOffset: null });
      const params = { path: 'bin', content: '/w==', encoding: 'base64' };
      expect(await session.call('write_file', params)).to.include({ path: 'bin', size: 1 });
      expect(await session.files.read('bin')).to.include({
        base64: '/w==',
        binary: true,
        encoding: 'base64',
      });
    });

    for (const content of ['*', 'abc', 'a=bc', 'ab=c', '////=']) {
      it(`are not written from ${content}, which is no base64`, async () => {
        const work = session.call('write_file', { path: 'bad', content, encoding: 'base64' });
        expect(await fieldsOf(work)).to.include({ code: 'invalid_params', reason: 'invalid_base64' });
        expect(await names()).to.deep.equal([]);
      });
    }

    it('are not found when they are missing or are folders', async () => {
      await put('a/b');
      expect(await codeOf(session.files.read('nope'))).to.equal('file_not_found');
      expect(await codeOf(session.files.read('a'))).to.equal('file_not_found');
      expect(await codeOf(session.files.read('a/b/c'))).to.equal('file_not_found');
      expect(await codeOf(session.files.delete('nope'))).to.equal('file_not_found');
      expect(await codeOf(session.files.list('nope'))).to.equal('file_not_found');
    });

    it('go one by one, folders when they are empty or it is asked for', async () => {
      await put('a/b/c');
      expect(await codeOf(session.files.delete('a'))).to.equal('conflict');
      expect(await session.files.delete('a/b/c')).to.include({ path: 'a/b/c', deleted: true, kind: 'file' });
      expect(await session.files.delete('a/b')).to.include({ path: 'a/b', kind: 'directory' });
      await put('a/b/c');
      expect(await session.files.delete('a', { recursive: true })).to.include({ deleted: true });
      expect(await names()).to.deep.equal([]);
      for (const path of ['', '.', './', workspace])
        expect(await codeOf(session.files.delete(path, { recursive: true })), path).to.equal(
          'invalid_params',
        );
    });

    it('do not take the place of a folder', async () => {
      await put('a/b');
      expect(await codeOf(session.files.write('a', 'x'))).to.equal('conflict');
      expect(await codeOf(session.files.write('', 'x'))).to.equal('invalid_params');
      expect(await codeOf(session.files.write('a/b/c', 'x'))).to.equal('file_not_found');
    });

    it('may be large, and are read in parts where one answer does not hold them', async () => {
      await world.close();
      await open({ config: { limits: { request_bytes: 1_000_000 } } });
      const text = 'x'.repeat(1_500_000);
      await session.files.write('large', text);
      expect(await fieldsOf(session.files.read('large'))).to.include({ setting: 'limits.request_bytes' });
      const { nextOffset } = await session.files.read('large', { maxBytes: 1_000_000 });
      expect((await session.files.read('large', { offset: nextOffset ?? 0 })).text).to.have.length(500_000);
    });

    it('keep any name that is text', async () => {
      const strange = [
        'new\nline',
        'tab\there',
        '日本語',
        '%2e%2e',
        'back\\slash',
        ' ',
        '…',
        '-rf',
        'a'.repeat(255),
      ];
      for (const name of strange) await session.files.write(name, name);
      expect(await names()).to.deep.equal([...strange].sort());
      for (const name of strange) expect((await session.files.read(name)).text).to.equal(name);
      expect(await codeOf(session.files.write('a'.repeat(256), ''))).to.equal('invalid_params');
      expect(await codeOf(session.files.write('\ud800', ''))).to.equal('invalid_params');
    });

    it('are scripts in a folder of their own when they are saved as such', async () => {
      expect(await session.files.saveScript('s', 'print(1)')).to.include({ path: 'scripts/s.py' });
      expect(await session.files.saveScript('t.py', '')).to.include({ path: 'scripts/t.py' });
      expect((await session.files.read('scripts/s.py')).text).to.equal('print(1)');
      const error = await fieldsOf(session.files.saveScript('../../q', ''));
      expect(error).to.include({ code: 'invalid_params', reason: 'outside_workspace' });
    });

    it('are written once, however often one key is sent', async () => {
      const once = () => session.files.write('f', 'x', { idempotencyKey: 'k' });
      const first = await once();
      await session.files.delete('f');
      expect(await once()).to.deep.equal(first);
      expect(await names()).to.deep.equal([]);
      expect(await codeOf(session.files.write('f', 'y', { idempotencyKey: 'k' }))).to.equal('conflict');
    });
  });

  describe('K-24: listed', () => {
    beforeEach(async () => {
      for (const path of ['a/b.txt', 'a/deep/er/c', 'z', 'a-b']) await put(path, 'xyz');
    });

    it('are those of one folder, sorted, with size, kind and time', async () => {
      const { root, files, complete } = await session.files.list();
      expect({ root, complete }).to.deep.equal({ root: '.', complete: true });
      expect(files.map(({ path, kind, size }) => [path, kind, size])).to.deep.equal([
        ['a', 'directory', null],
        ['a-b', 'file', 3],
        ['z', 'file', 3],
      ]);
      expect(Date.parse(files[0]?.modifiedAt ?? '')).to.be.greaterThan(0);
      expect(await names('a')).to.deep.equal(['a/b.txt', 'a/deep']);
      expect(await names('./a//')).to.deep.equal(['a/b.txt', 'a/deep']);
      expect(await names('z')).to.deep.equal(['z']);
      expect(await names(join(workspace, 'a'))).to.deep.equal(['a/b.txt', 'a/deep']);
    });

    it('go down to a depth when that is asked for', async () => {
      expect(await names('', { recursive: true, maxDepth: 1 })).to.deep.equal(['a', 'a-b', 'z']);
      const all = ['a', 'a-b', 'a/b.txt', 'a/deep', 'a/deep/er', 'a/deep/er/c', 'z'];
      expect(await names('', { recursive: true, maxDepth: null })).to.deep.equal(all);
      expect(await names('', { recursive: true })).to.deep.equal(
        all.filter((path) => path !== 'a/deep/er/c'),
      );
      expect(await names('', { recursive: true, includeFiles: false })).to.deep.equal([
        'a',
        'a/deep',
        'a/deep/er',
      ]);
      const only = await names('', { recursive: true, maxDepth: null, includeDirs: false });
      expect(only).to.deep.equal(['a-b', 'a/b.txt', 'a/deep/er/c', 'z']);
    });

    it('are drawn as a tree', async () => {
      const drawn = async (path: string) => (await session.files.list(path, { tree: true })).tree;
      expect(await drawn('')).to.equal(
        './\n├── a/\n│   ├── b.txt\n│   └── deep/\n│       └── er/\n├── a-b\n└── z',
      );
      expect(await drawn('a/deep')).to.equal('deep/\n└── er/\n    └── c');
      expect(await drawn('a/b.txt')).to.equal('b.txt');
    });

    it('are as many as one answer holds, which says so', async function () {
      this.timeout(60_000);
      await mkdir(join(workspace, 'many'));
      const count = 10_000;
      for (let start = 0; start < count; start += 500)
        await Promise.all(
          Array.from({ length: 500 }, (_, index) =>
            writeFile(join(workspace, 'many', `f${start + index}`), ''),
          ),
        );
      const { files, complete } = await session.files.list('many');
      expect([files.length, complete]).to.deep.equal([count, true]);
      for (let start = 0; start < count + 1; start += 500)
        await Promise.all(
          Array.from({ length: 500 }, (_, index) =>
            writeFile(join(workspace, 'many', `g${start + index}`), ''),
          ),
        );
      const more = await session.files.list('many');
      expect([more.files.length, more.complete]).to.deep.equal([20_000, false]);
    });
  });

  describe('K-26: kept inside', () => {
    beforeEach(async () => {
      await writeFile(join(world.dataDir, 'secret'), 'secret');
      await put('inside/file', 'mine');
    });

    const everyWay = (path: string): [string, () => Promise<unknown>][] => [
      ['list_files', () => session.files.list(path)],
      ['read_file', () => session.files.read(path)],
      ['download_file', () => session.files.download(path)],
      ['write_file', () => session.files.write(path, 'x')],
      ['upload_file', () => session.files.upload(path, new Uint8Array(1))],
      ['delete_file', () => session.files.delete(path)],
    ];
    const refused = async (path: string, reason?: string) => {
      for (const [operation, work] of everyWay(path)) {
        const error = await fieldsOf(work());
        expect(error.code, operation).to.equal('invalid_params');
        if (reason !== undefined) expect(error, operation).to.include({ reason, path });
      }
    };

    for (const path of [
      '../x',
      '..',
      '/etc/passwd',
      'inside/../../x',
      '/',
      '/proc/self/environ',
      'a/../../b',
    ]) {
      it(`refuse ${path} in every operation`, async () => {
        if (path.startsWith('a/')) await put('a/x');
        await refused(path, 'outside_workspace');
      });
    }

    it('refuse a NUL, an endless path and a workspace that only begins like this one', async () => {
      await refused('a\0b');
      await refused('x/'.repeat(3000));
      await refused(`${'a/../'.repeat(400)}x`.replaceAll('a', 'inside'));
      await refused(`${workspace}x/file`, 'outside_workspace');
    });

    it('refuse links that lead out, wherever they stand', async () => {
      await symlink(join(world.dataDir, 'secret'), join(workspace, 'file-link'));
      await symlink(world.dataDir, join(workspace, 'folder-link'));
      await symlink('../../secret', join(workspace, 'up-link'));
      await symlink('file-link', join(workspace, 'link-link'));
      await symlink(`/proc/self/cwd`, join(workspace, 'proc-link'));
      await symlink(join('/proc', String(process.pid), 'root'), join(workspace, 'root-link'));
      for (const path of [
        'file-link',
        'folder-link/secret',
        'up-link',
        'link-link',
        'proc-link/x',
        'root-link/etc',
      ])
        for (const [operation, work] of everyWay(path).slice(0, 5))
          expect((await fieldsOf(work())).code, `${operation} ${path}`).to.equal('invalid_params');
      // A link itself is the session's own, and may be removed.
      expect(await session.files.delete('file-link')).to.include({ kind: 'link', deleted: true });
      expect(await session.files.delete('folder-link', { recursive: true })).to.include({ kind: 'link' });
    });

    it('refuse links that lead nowhere else than to each other', async () => {
      await symlink('two', join(workspace, 'one'));
      await symlink('one', join(workspace, 'two'));
      for (const [operation, work] of everyWay('one/x').concat(everyWay('two').slice(0, 5)))
        expect(await codeOf(work()), operation).to.equal('invalid_params');
    });

    it('follow links that lead to another place inside', async () => {
      await symlink('inside', join(workspace, 'relative'));
      await symlink(join(workspace, 'inside/file'), join(workspace, 'absolute'));
      await symlink('inside/new', join(workspace, 'dangling'));
      await symlink('../absolute', join(workspace, 'inside/back'));
      expect((await session.files.read('relative/file')).text).to.equal('mine');
      expect(await session.files.read('absolute')).to.include({ text: 'mine', path: 'inside/file' });
      expect((await session.files.read('inside/back')).text).to.equal('mine');
      expect(await session.files.write('absolute', 'new')).to.include({
        path: 'inside/file',
        created: false,
      });
      expect(await session.files.write('dangling', 'x')).to.include({ path: 'inside/new', created: true });
      expect(await names('relative')).to.deep.equal(['inside/back', 'inside/file', 'inside/new']);
      expect((await session.files.list()).files.filter(({ kind }) => kind === 'link')).to.have.length(3);
      expect((await session.files.read('relative/../inside/./file')).text).to.equal('new');
    });
  });
});
