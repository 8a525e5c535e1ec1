/** What npm runs: the build in a small tree of its own, the lock between two set-ups, and the end of a test run. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { temporaryFolder } from './support/temporary-folder.js';

async function runNode(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number>((done) => child.once('close', (code) => done(code ?? -1)));
  const out = await text(child.stdout);
  return { code: await ended, out };
}

const script = (name: string) => new URL(`../scripts/${name}`, import.meta.url).href;

describe('build', () => {
  let root: string;

  beforeEach(async () => {
    root = await temporaryFolder('build');
    await mkdir(join(root, 'src', 'cli'), { recursive: true });
    await mkdir(join(root, 'node_modules'));
    for (const name of ['typescript', '@types']) {
      await symlink(resolve('node_modules', name), join(root, 'node_modules', name));
    }
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    await writeFile(join(root, 'package-lock.json'), '{}');
    for (const name of ['tsconfig.json', 'tsconfig.build.json']) {
      await writeFile(join(root, name), await readFile(name));
    }
    await writeFile(join(root, 'src', 'cli', 'main.ts'), '#!/usr/bin/env node\nexport const answer = 42;\n');
    await writeFile(join(root, 'src', 'kernel.py'), 'pass\n');
    await writeFile(join(root, 'src', 'other.ts'), 'export const other = 1;\n');
  });

  const ask = async (call: string) => {
    const code = `const b = await import('${script('build.mjs')}'); console.log(b.${call}(process.argv[1]));`;
    const { out } = await runNode(['--input-type=module', '-e', code, root]);
    return out.trim().split('\n').at(-1);
  };
  const built = async () => (await readdir(join(root, 'dist'), { recursive: true })).sort();

  it('compiles, copies Python, makes the program executable, and then has nothing to do', async () => {
    expect(await ask('isBuilt')).to.equal('false');
    expect(await ask('build')).to.equal('null');
    expect(await built()).to.deep.equal([
      'cli',
      'cli/main.d.ts',
      'cli/main.js',
      'kernel.py',
      'other.d.ts',
      'other.js',
    ]);
    expect((await stat(join(root, 'dist', 'cli', 'main.js'))).mode & 0o111).to.equal(0o111);
    expect(await ask('isBuilt')).to.equal('true');
  });

  it('builds again when a source was changed or removed or an output is gone, and removes what is stale', async () => {
    await ask('build');
    await rm(join(root, 'src', 'other.ts'));
    expect(await ask('isBuilt')).to.equal('false');
    await ask('build');
    expect(await built()).to.deep.equal(['cli', 'cli/main.d.ts', 'cli/main.js', 'kernel.py']);
    await rm(join(root, 'dist'), { recursive: true });
    expect(await ask('isBuilt')).to.equal('false');
    await ask('build');
    expect(await ask('isBuilt')).to.equal('true');
    await writeFile(join(root, 'src', 'kernel.py'), 'print()\n');
    expect(await ask('isBuilt')).to.equal('false');
  });

  it('says so when the sources have mistakes, and does not count as done', async () => {
    await writeFile(join(root, 'src', 'other.ts'), 'export const other: number = "1";\n');
    expect(await ask('build')).to.include('the TypeScript compiler found the mistakes above');
    expect(await ask('isBuilt')).to.equal('false');
  });
});

describe('set-up lock', () => {
  it('lets one process work at a time, and ignores one that was killed', async () => {
    const folder = await temporaryFolder('alone');
    const log = join(folder, 'log');
    const code = `
      const { alone } = await import('${script('alone.mjs')}');
      const { appendFileSync } = await import('node:fs');
      await alone(process.argv[1], async () => {
        appendFileSync(process.argv[2], 'begin ');
        if (process.argv[3] === 'dies') process.kill(process.pid, 'SIGKILL');
        await new Promise((done) => setTimeout(done, 50));
        appendFileSync(process.argv[2], 'end ');
      });
    `;
    const work = (how: string) => runNode(['--input-type=module', '-e', code, folder, log, how]);
    await work('dies');
    await Promise.all([work('works'), work('works'), work('works')]);
    expect(await readFile(log, 'utf8')).to.equal(`begin ${'begin end '.repeat(3)}`);
  });
});

describe('test run', () => {
  it('ends with one line that counts, after naming what was skipped and why', async () => {
    const folder = await temporaryFolder('run');
    const file = join(folder, 'sample.test.mjs');
    const needs = new URL('./support/needs.ts', import.meta.url).href;
    await writeFile(
      file,
      `import { skip } from '${needs}';
       describe('a suite that lacks something', () => {
         before(function () { skip(this, 'no such thing here'); });
         it('one', () => {});
         it('two', () => {});
       });
       describe('another', () => {
         it('passes', () => {});
         it('skips itself', function () { skip(this, 'not on this system'); });
         it('fails', () => { throw new Error('on purpose'); });
       });`,
    );
    const mocha = ['node_modules/mocha/bin/mocha.js', file];
    const whole = await runNode(mocha, { TEST_SUMMARY_FILE: '' });
    expect(whole.code).to.equal(1);
    expect(whole.out.trimEnd().split('\n').slice(-4)).to.deep.equal([
      'skipped: a suite that lacks something (2 tests): no such thing here',
      'skipped: another skips itself (1 test): not on this system',
      'failed: another fails',
      '1 passed, 1 failed, 3 skipped',
    ]);
    const summary = join(folder, 'summary');
    const part = await runNode(mocha, { TEST_SUMMARY_FILE: summary });
    expect(part.out).not.to.include('1 passed');
    const add = `
      import { readFileSync } from 'node:fs';
      import { linesOf, nothing, sum } from '${new URL('./support/summary.mjs', import.meta.url).href}';
      console.log(linesOf(sum(nothing, JSON.parse(readFileSync(process.argv[1], 'utf8'))), ['lint']).join('\\n'));
    `;
    const counted = (await runNode(['--input-type=module', '-e', add, summary])).out.trimEnd().split('\n');
    expect(counted.slice(-2)).to.deep.equal(['failed checks: lint', '1 passed, 2 failed, 3 skipped']);
  });
});
