/** Folders that are removed while their code works against the one who removes them, and those that are unlike others. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { systemFiles } from '../src/core/system.js';
import { needs, pythonExecutable } from './support/needs.js';
import { temporaryFolder } from './support/temporary-folder.js';

const attackPath = fileURLToPath(new URL('./support/tree_attack.py', import.meta.url));
const python = (code: string, ...args: string[]) =>
  promisify(execFile)(pythonExecutable, ['-c', code, ...args]);

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error);

describe('removing a folder', () => {
  let root = '';
  let folder = '';
  let outside = '';

  before(function () {
    needs.linux(this);
    return needs.python(this);
  });
  beforeEach(async () => {
    root = await temporaryFolder('remove');
    folder = join(root, 'folder');
    outside = join(root, 'outside');
    await mkdir(folder);
    await mkdir(join(outside, 'inner'), { recursive: true });
    await writeFile(join(outside, 'inner', 'precious'), 'precious');
    await writeFile(join(outside, 'precious'), 'precious');
  });
  // Whatever was removed, nothing of this was.
  afterEach(async () => {
    expect((await readdir(outside)).sort()).to.deep.equal(['inner', 'precious']);
    expect(await readFile(join(outside, 'inner', 'precious'), 'utf8')).to.equal('precious');
  });

  const remains = () => lstat(folder).catch(codeOf);
  const remove = () => systemFiles.remove(folder).then(() => 'removed', codeOf);

  /** Works beside code that does this, and ends it. */
  const beside = async (attack: string, work: () => Promise<void>) => {
    const child = spawn(pythonExecutable, [attackPath, folder, outside, attack], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      await work();
      expect(child.exitCode, 'the attack went on to the end').to.equal(null);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  };

  it('goes through no link that takes the place of one of its folders', async function () {
    this.timeout(60_000);
    await beside('swap', async () => {
      for (let times = 0; times < 60; times += 1) {
        for (let index = 0; index < 5; index += 1) {
          const inner = join(folder, `d${index}`);
          await mkdir(join(inner, 'inner'), { recursive: true }).catch(() => undefined);
        }
        expect(await remove()).to.be.oneOf(['removed', 'ENOTEMPTY']);
      }
    });
  });

  it('ends while code goes on to write to it', async function () {
    this.timeout(60_000);
    await beside('write', async () => {
      for (let times = 0; times < 20; times += 1)
        expect(await remove()).to.be.oneOf(['removed', 'ENOTEMPTY']);
    });
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });

  it('removes names that are no text', async () => {
    await mkdir(join(folder, 'ä'));
    for (const inner of ['', 'ä/']) {
      const path = Buffer.concat([Buffer.from(`${folder}/${inner}`), Buffer.from([0xff, 0x41, 0x80])]);
      await mkdir(path);
      await writeFile(Buffer.concat([path, Buffer.from([0x2f, 0xfe])]), 'x');
    }
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });

  it('removes 5,000 folders in one another, with a file in each', async function () {
    this.timeout(120_000);
    const code = `import os, sys
os.chdir(sys.argv[1])
for index in range(5000):
    open('f', 'w').close()
    os.mkdir('d')
    os.chdir('d')`;
    await python(code, folder);
    expect(await remove()).to.equal('removed');
    expect(await readdir(root)).to.deep.equal(['outside']);
  });

  it('removes 20,000 files of one folder', async function () {
    this.timeout(60_000);
    const code = `import os, sys
for index in range(20000): open(os.path.join(sys.argv[1], str(index)), 'w').close()`;
    await python(code, folder);
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });

  it('holds few descriptors, however deep the folder is, and gives them all back', async () => {
    const descriptors = async () => (await readdir('/proc/self/fd')).length;
    const code = `import os, sys
os.chdir(sys.argv[1])
for index in range(300):
    os.mkdir('d')
    os.chdir('d')`;
    await python(code, folder);
    const before = await descriptors();
    let most = 0;
    let ended = false;
    const removal = remove().finally(() => (ended = true));
    while (!ended) most = Math.max(most, await descriptors());
    expect(await removal).to.equal('removed');
    expect(most - before).to.be.lessThan(60);
    expect(await descriptors()).to.be.at.most(before);
  });

  it('removes a link and leaves what it leads to, at the top and below', async () => {
    await symlink(outside, join(folder, 'link'));
    await symlink('nowhere', join(folder, 'broken'));
    expect(await remove()).to.equal('removed');
    await symlink(outside, folder);
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });

  it('removes a single file, and is silent about what is not there', async () => {
    await systemFiles.remove(join(folder, 'nothing', 'at', 'all'));
    await writeFile(join(folder, 'file'), 'x');
    await systemFiles.remove(join(folder, 'file'));
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('removes pipes without waiting for their other end, and folders that are locked', async () => {
    await mkdir(join(folder, 'locked', 'inner'), { recursive: true });
    await promisify(execFile)('mkfifo', [join(folder, 'locked', 'pipe')]);
    await chmod(join(folder, 'locked'), 0o500);
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });

  it('removes what belongs to somebody else and lets nobody in, for root', async function () {
    needs.root(this);
    await mkdir(join(folder, 'closed', 'inner'), { recursive: true });
    for (const inner of ['closed/inner', 'closed']) {
      await chown(join(folder, inner), 54_321, 54_321);
      await chmod(join(folder, inner), 0);
    }
    expect(await remove()).to.equal('removed');
    expect(await remains()).to.equal('ENOENT');
  });
});
