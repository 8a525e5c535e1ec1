import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { needs, pythonExecutable } from './support/needs.js';
import { programPath } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** TypeScript blocks of a page, in order. */
async function blocks(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
}

describe('the examples of the README', function () {
  this.timeout(90_000);
  before(function () {
    return needs.python(this);
  });

  it('compile and run as they stand, against the built package', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'node_modules'));
    await symlink(root, join(folder, 'node_modules', 'sojourn'), 'dir');
    await symlink(join(root, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'), 'dir');
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const files: string[] = [];
    for (const [index, block] of (await blocks('README.md')).entries()) {
      const file = join(folder, `example-${index}.ts`);
      await writeFile(file, block);
      files.push(file);
    }
    expect(files).to.have.length.greaterThan(2);
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2022',
      strict: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [compiler, '-p', folder]).catch((error: unknown) => {
      throw new Error((error as { stdout: string }).stdout);
    });
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      SOJOURN_PORT: '0',
      SOJOURN_PYTHON_EXECUTABLE: pythonExecutable,
      SOJOURN_PYTHON_PRELOAD: 'math',
    };
    const outputs: string[] = [];
    try {
      for (const file of files) {
        const { stdout } = await run(process.execPath, [file.replace(/\.ts$/, '.js')], { cwd: folder, env });
        outputs.push(stdout);
      }
    } finally {
      await run(process.execPath, [programPath, 'stop'], { cwd: folder, env });
    }
    expect(outputs[0]).to.equal('ok 42\n\nx int 42\n');
    expect(outputs[1]).to.match(/^0\n+1\n+2\n+[\d.]+\n$/);
  });
});
