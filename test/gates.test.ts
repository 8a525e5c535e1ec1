/**
 * The layer rules hold in src, and each of them is proved by a violation planted in a small tree of its own: a guard
 * that sees nothing would pass as quietly as one that finds nothing.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import { temporaryFolder } from './support/temporary-folder.js';

const configuration = resolve('.dependency-cruiser.cjs');
const cruiser = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

const rulesSchema = z.object({
  forbidden: z.array(z.object({ name: z.string(), comment: z.string().min(20) })),
});
const resultSchema = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

async function cruise(folder: string) {
  const args = [cruiser, 'src', '--config', configuration, '--output-type', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    maxBuffer: 64 * 1024 ** 2,
  });
  return resultSchema.parse(JSON.parse(stdout));
}

/** Each rule's name and what it says to do instead. */
function rules(): Map<string, string> {
  const loaded: unknown = createRequire(import.meta.url)(configuration);
  return new Map(rulesSchema.parse(loaded).forbidden.map(({ name, comment }) => [name, comment]));
}

/** Which file breaks which rules by which import; every name is a file below src unless it is a package. */
const planted: readonly { file: string; imports: string; rules: string[] }[] = [
  { file: 'types/a', imports: '../core/good.js', rules: ['types-import-nothing'] },
  { file: 'core/a', imports: '../managers/good.js', rules: ['core-imports-types'] },
  { file: 'storage/a', imports: '../managers/good.js', rules: ['storage-imports-core'] },
  { file: 'storage/b', imports: '../core/system.js', rules: ['ports-are-injected'] },
  { file: 'engines/one/a', imports: '../../storage/good.js', rules: ['engines-import-core'] },
  { file: 'engines/one/b', imports: '../two/good.js', rules: ['engines-stand-alone'] },
  { file: 'contracts/a', imports: '../core/good.js', rules: ['contracts-import-types'] },
  {
    file: 'contracts/b',
    imports: 'chai',
    rules: ['contracts-need-no-framework', 'src-needs-no-development-package'],
  },
  { file: 'contracts/c', imports: 'node:test', rules: ['contracts-need-no-framework'] },
  { file: 'managers/a', imports: '../advanced/good.js', rules: ['managers-import-core'] },
  { file: 'managers/b', imports: '../storage/good.js', rules: ['managers-import-core'] },
  { file: 'api/a', imports: '../managers/good.js', rules: ['api-imports-core'] },
  { file: 'api/b', imports: '../advanced/good.js', rules: ['api-imports-core'] },
  { file: 'advanced/a', imports: '../api/good.js', rules: ['advanced-imports-core'] },
  { file: 'client/a', imports: '../core/good.js', rules: ['client-imports-types'] },
  { file: 'client/b', imports: 'node:fs', rules: ['client-without-node'] },
  {
    file: 'client/auto-start',
    imports: '../managers/good.js',
    rules: ['auto-start-imports-process-manager'],
  },
  { file: 'cli/a', imports: '../managers/good.js', rules: ['cli-imports-client'] },
  { file: 'index', imports: './cli/good.js', rules: ['nothing-imports-cli'] },
  { file: 'server', imports: 'inversify', rules: ['only-app-knows-the-container'] },
  { file: 'core/b', imports: 'reflect-metadata', rules: ['only-app-knows-the-container'] },
  { file: 'managers/c', imports: './d.js', rules: ['no-cycles'] },
  // A cycle is told once.
  { file: 'managers/d', imports: './c.js', rules: [] },
  { file: 'core/c', imports: './missing.js', rules: ['no-unresolvable'] },
];

/** Imports that the rules allow; a rule that is too strict would be found here. */
const allowed: readonly { file: string; imports: string }[] = [
  { file: 'app', imports: 'inversify' },
  { file: 'app', imports: './managers/good.js' },
  { file: 'app', imports: './core/system.js' },
  { file: 'cli/good', imports: '../app.js' },
  { file: 'cli/good', imports: '../client/good.js' },
  { file: 'client/good', imports: '../types/good.js' },
  { file: 'client/auto-start', imports: '../managers/process-manager.js' },
  { file: 'client/auto-start', imports: 'node:fs' },
  { file: 'managers/good', imports: '../core/good.js' },
  { file: 'api/good', imports: '../types/good.js' },
  { file: 'engines/two/good', imports: '../../core/good.js' },
  { file: 'contracts/good', imports: 'node:assert/strict' },
  { file: 'advanced/good', imports: '../types/good.js' },
  { file: 'storage/good', imports: '../types/good.js' },
  { file: 'core/good', imports: '../types/good.js' },
  { file: 'core/system', imports: 'node:fs' },
  { file: 'managers/process-manager', imports: '../types/good.js' },
];

async function plantTree(folder: string): Promise<void> {
  const files = new Map<string, string>();
  for (const { file, imports } of [...allowed, ...planted]) {
    files.set(`src/${file}.ts`, `import '${imports}';\n${files.get(`src/${file}.ts`) ?? ''}`);
  }
  files.set('src/types/good.ts', 'export const good = 1;\n');
  for (const name of ['inversify', 'reflect-metadata', 'chai']) {
    files.set(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: '1.0.0', exports: './index.js' }),
    );
    files.set(`node_modules/${name}/index.js`, 'export {};\n');
  }
  const dependencies = { inversify: '1', 'reflect-metadata': '1' };
  files.set('package.json', JSON.stringify({ type: 'module', dependencies, devDependencies: { chai: '1' } }));
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await cp('tsconfig.json', join(folder, 'tsconfig.json'));
}

describe('layers', () => {
  it('hold in src, and every file of it was looked at', async () => {
    const { modules, summary } = await cruise('.');
    const entries = await readdir('src', { recursive: true });
    const files = entries.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`);
    const seen = new Set(modules.map(({ source }) => source));
    const advice = rules();
    const found = summary.violations.map(
      ({ from, to, rule }) => `${from} → ${to}: ${rule.name}. ${advice.get(rule.name) ?? ''}`,
    );
    expect(found).to.deep.equal([]);
    expect(files.filter((file) => !seen.has(file))).to.deep.equal([]);
    expect(files.length).to.be.greaterThan(10);
  });

  it('are guarded by rules that each find the violation planted for them and nothing else', async () => {
    const folder = await temporaryFolder('layers');
    await plantTree(folder);
    const { summary } = await cruise(folder);
    const found = summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`);
    const expected = planted.flatMap(({ file, rules }) => rules.map((rule) => `src/${file}.ts: ${rule}`));
    expect([...new Set(found)].sort()).to.deep.equal(expected.sort());
  });

  it('have a planted violation for every rule', () => {
    const proved = new Set(planted.flatMap(({ rules }) => rules));
    expect([...rules().keys()].filter((name) => !proved.has(name))).to.deep.equal([]);
  });
});
