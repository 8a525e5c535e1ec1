import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { needs, pythonExecutable } from './support/needs.js';
import { temporaryFolder } from './support/temporary-folder.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** Where Node's own headers lie beside it, a compiled dependency needs no download. */
function installEnvironment(home: string): Record<string, string> {
  const prefix = dirname(dirname(process.execPath));
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', HOME: home };
  if (existsSync(join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
  return env;
}

describe('the package', function () {
  this.timeout(300_000);
  before(function () {
    return needs.python(this);
  });

  it('installs into an empty folder and runs: library, client, types and command', async () => {
    const folder = await temporaryFolder();
    const env = installEnvironment(folder);
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root, env });
    const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    expect(tarball).to.match(/^sojourn-\d+\.\d+\.\d+\.tgz$/);
    const project = join(folder, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{"type":"module","private":true}');
    await run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball ?? '')], {
      cwd: project,
      env,
    });
    await writeFile(
      join(project, 'use.js'),
      `import { createSojourn } from 'sojourn';
       import { SojournClient } from 'sojourn/client';
       import { errorTable } from 'sojourn/types';
       import { describeEngineContract } from 'sojourn/contracts';
       const sojourn = await createSojourn({ dataDir: './state', python: { executable: '${pythonExecutable}', preload: [] } });
       const session = await sojourn.createSession();
       console.log((await session.execute('6 * 7')).output.trim(), typeof SojournClient.connect, Object.keys(errorTable).length > 20, typeof describeEngineContract);
       await sojourn.close();`,
    );
    const used = await run(process.execPath, ['use.js'], { cwd: project, env });
    expect(used.stdout).to.equal('42 function true function\n');
    const command = await run('npx', ['sojourn', '--version'], { cwd: project, env });
    expect(command.stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const types = await readdir(join(project, 'node_modules/sojourn/dist/types'));
    expect(types).to.include('index.d.ts');
    const packed = await readdir(join(project, 'node_modules/sojourn'));
    expect(packed.sort()).to.include.members(['LICENSE', 'README.md', 'dist', 'package.json']);
    expect(packed).not.to.include.members(['src', 'test']);
  });
});
