/** One server a data folder: the claim, the token in it and the word that a server leaves. Real locks, real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemFiles, systemIds } from '../src/core/system.js';
import { claimDataDirectory } from '../src/managers/data-directory.js';
import { readRuntime } from '../src/managers/runtime-info.js';
import { isSojournError } from '../src/types/errors.js';
import { temporaryFolder } from './support/temporary-folder.js';

const services = { files: systemFiles, ids: systemIds };
const claimModule = new URL('../src/managers/data-directory.ts', import.meta.url).href;
const systemModule = new URL('../src/core/system.ts', import.meta.url).href;

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

async function failureOf(work: Promise<unknown>): Promise<{ code: string; detail: string }> {
  try {
    await work;
  } catch (error) {
    if (isSojournError(error)) return { code: error.code, detail: error.detail };
    throw error;
  }
  throw new Error('it was expected to fail');
}

/** Modes do not stop root, so that root is somebody else meanwhile. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('data folder', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = join(await temporaryFolder('data'), 'deep', 'state');
  });

  const claim = () => claimDataDirectory(dataDir, services);
  const runtime = (pid: number) => ({
    pid,
    url: 'http://127.0.0.1:1',
    token: 'x'.repeat(20),
    version: '1',
    started_at: 'now',
  });

  it('is made with its parents, for its owner alone', async () => {
    const held = await claim();
    await held.dispose();
    expect(await modeOf(dataDir)).to.equal(0o700);
  });

  it('has one server: a second claim in the same process is refused and told who has it and how to go on', async () => {
    const held = await claim();
    await held.announce(runtime(4711));
    const refused = await failureOf(claim());
    await held.dispose();
    expect(refused.code).to.equal('storage_error');
    expect(refused.detail).to.include('pid 4711 at http://127.0.0.1:1');
    expect(refused.detail).to.include('sojourn status').and.to.include('--data-dir');
    await (await claim()).dispose();
  });

  it('is refused while another process holds it, and free as soon as that one is killed', async () => {
    const script = `
      const { claimDataDirectory } = await import('${claimModule}');
      const { systemFiles: files, systemIds: ids } = await import('${systemModule}');
      await claimDataDirectory(process.argv[1], { files, ids });
      process.stdout.write('held');
      setInterval(() => {}, 1000);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, dataDir];
    const other = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const refused = await failureOf(claim());
    other.kill('SIGKILL');
    await once(other, 'exit');
    const held = await claim();
    await held.dispose();
    expect(refused.code).to.equal('storage_error');
    expect(refused.detail).to.include('in use by another process');
  });

  it('gives one winner when many claim it at once', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, claim));
    const winners = results.filter((result) => result.status === 'fulfilled');
    for (const winner of winners) await winner.value.dispose();
    expect(winners).to.have.length(1);
  });

  it('that is a file is refused in one sentence', async () => {
    await mkdir(join(dataDir, '..'), { recursive: true });
    await writeFile(dataDir, '');
    const refused = await failureOf(claim());
    expect(refused.code).to.equal('storage_error');
    expect(refused.detail).to.include(dataDir).and.to.include('--data-dir');
    expect(refused.detail).to.not.include('\n');
  });

  it('that cannot be written is refused in one sentence', async () => {
    await mkdir(dataDir, { recursive: true, mode: 0o500 });
    const refused = await asOrdinaryUser(() => failureOf(claim()));
    expect(refused.code).to.equal('storage_error');
    expect(refused.detail).to.include(dataDir).and.to.include('check its permissions');
  });

  it('keeps its token from one server to the next, readable for its owner alone', async () => {
    const first = await claim();
    const token = await first.token();
    await first.dispose();
    const second = await claim();
    const again = await second.token();
    await second.dispose();
    expect(token.length).to.be.at.least(43);
    expect(again).to.equal(token);
    expect(await modeOf(join(dataDir, 'token'))).to.equal(0o600);
  });

  it('closes a token file that somebody opened up, and keeps the token', async () => {
    const held = await claim();
    const token = await held.token();
    await chmod(join(dataDir, 'token'), 0o644);
    const again = await held.token();
    await held.dispose();
    expect(again).to.equal(token);
    expect(await modeOf(join(dataDir, 'token'))).to.equal(0o600);
  });

  it('gets a new token when the file is cut short', async () => {
    const held = await claim();
    await writeFile(join(dataDir, 'token'), 'short', { mode: 0o600 });
    const token = await held.token();
    const kept = await readFile(join(dataDir, 'token'), 'utf8');
    await held.dispose();
    expect(token.length).to.be.at.least(43);
    expect(kept.trim()).to.equal(token);
  });

  it('holds word of its server until the claim ends, which may end twice', async () => {
    const held = await claim();
    await held.announce(runtime(process.pid));
    const announced = await readRuntime(dataDir, systemFiles);
    const mode = await modeOf(join(dataDir, 'runtime.json'));
    await held.dispose();
    await held.dispose();
    expect(announced).to.deep.equal(runtime(process.pid));
    expect(mode).to.equal(0o600);
    expect(await readRuntime(dataDir, systemFiles)).to.equal(null);
  });

  it('tells of no server when the word is garbage', async () => {
    await mkdir(dataDir, { recursive: true });
    for (const garbage of ['', '{', '[]', '{"pid":"12"}', '{"pid":-1,"url":"x","token":null}', '\0\0']) {
      await writeFile(join(dataDir, 'runtime.json'), garbage);
      expect(await readRuntime(dataDir, systemFiles), garbage).to.equal(null);
    }
  });
});
