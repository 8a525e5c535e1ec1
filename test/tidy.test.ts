/** The style gate: the rules of support/style-rules.ts on every file of ours, and a violation planted for each rule. */
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { configSchema } from '../src/types/config.js';
import {
  banned,
  deadFiles,
  interfacesLiveInTypes,
  kebabCaseName,
  lineCount,
  narrowLines,
  openingComment,
  settingsWithoutUnit,
  shortFile,
  tokenHasInterface,
} from './support/style-rules.js';
import type { SourceFile, StyleRule } from './support/style-rules.js';

const folders = ['src', 'test', 'scripts', 'bench', 'examples'];
/** Holds the patterns, and the violations planted for them. */
const selfDescribing = new Set(['test/tidy.test.ts', 'test/support/style-rules.ts']);
/** Reached from outside: by package.json, by a loader, or by a thread that is started on them. */
const entries = /^src\/(index|embedded|server|(types|client|contracts)\/index|cli\/main)\.ts$|\.py$/;

async function readSources(): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    for (const name of names.filter((candidate) => /\.(ts|mjs|cjs|py)$/.test(candidate))) {
      files.push({ path: `${folder}/${name}`, text: await readFile(join(folder, name), 'utf8') });
    }
  }
  return files;
}

const violation = (path: string, text = '') => ({ path, text });

/** What each rule must find, and what it must let pass. */
const proofs: { rule: StyleRule; name: string; where: RegExp; bad: SourceFile[]; good: SourceFile[] }[] = [
  {
    name: 'ban list',
    rule: banned,
    where: /^(src|test|scripts|bench|examples)\//,
    bad: [
      violation('src/a.ts', 'const x = y as any;'),
      violation('src/a.ts', '// @ts-ignore'),
      violation('src/a.ts', '// eslint-disable-next-line'),
      violation('src/a.ts', '// prettier-ignore'),
      violation('src/a.ts', '// TODO later'),
      violation('src/a.ts', '# FIXME'),
      violation('test/a.test.ts', "it.only('x', f)"),
      violation('test/a.test.ts', "describe.skip('x', f)"),
      violation('test/a.test.ts', 'this.retries(3)'),
      violation('test/a.test.ts', 'await new Promise((done) => setTimeout(done, 100));'),
      violation('test/a.test.ts', 'await delay(1_000);'),
      violation('src/a.ts', `'${process.cwd()}/x'`),
      violation('src/a.ts', `# ${homedir()}/x`),
      violation('src/a.ts', '@injectable() class A {}'),
    ],
    good: [
      violation('src/a.ts', 'const many = company;'),
      violation('test/a.test.ts', 'setTimeout(done, 20); await delay(Math.random() * 250);'),
      violation('test/a.test.ts', "it('skips', f)"),
      violation('src/a.ts', "'/tmp/x' + '/usr/bin/python3'"),
    ],
  },
  {
    name: 'file names',
    rule: kebabCaseName,
    where: /./,
    bad: [violation('src/SessionPool.ts'), violation('src/session_pool.ts'), violation('src/some-kernel.py')],
    good: [
      violation('src/session-pool.ts'),
      violation('test/a-b.fuzz.test.ts'),
      violation('src/user_code.py'),
    ],
  },
  {
    name: 'file length',
    rule: shortFile,
    where: /./,
    bad: [violation('src/a.ts', 'x\n'.repeat(401))],
    good: [violation('src/a.ts', 'x\n'.repeat(400))],
  },
  {
    name: 'line width',
    rule: narrowLines,
    where: /^src\//,
    bad: [violation('src/a.ts', 'x'.repeat(121))],
    good: [
      violation('src/a.ts', `${'x'.repeat(120)}\n${'x'.repeat(120)}`),
      violation('src/a.ts', `  const detail = '${'x'.repeat(120)}';`),
    ],
  },
  {
    name: 'opening comment',
    rule: openingComment,
    // The titles of a test file say what it is for.
    where: /^(src|scripts|test\/support|bench|examples)\//,
    bad: [violation('src/a.ts', "import 'x';"), violation('src/a.py', 'import x')],
    good: [
      violation('src/a.ts', '/** What for. */\n'),
      violation('src/a.ts', '#!/usr/bin/env node\n/** What for. */'),
      violation('src/a.py', '"""What for."""'),
    ],
  },
  {
    name: 'tokens with an interface',
    rule: tokenHasInterface,
    where: /^src\//,
    bad: [violation('src/types/a.ts', "export const IClock = Symbol.for('x');\nexport interface IClocks {}")],
    good: [
      violation('src/types/a.ts', "export const IClock = Symbol.for('x');\nexport interface IClock {}"),
      violation(
        'src/types/a.ts',
        "export const IEngines = Symbol.for('x');\nexport type IEngines = Map<A, B>;",
      ),
    ],
  },
  {
    name: 'interfaces in types',
    rule: interfacesLiveInTypes,
    where: /^src\//,
    bad: [
      violation('src/core/a.ts', 'export interface IThing {}'),
      violation('src/core/a.ts', 'interface IThing {}'),
    ],
    good: [
      violation('src/core/a.ts', 'interface Item {}'),
      violation('src/types/a.ts', 'export interface IThing {}'),
    ],
  },
];

describe('tidy', () => {
  let sources: SourceFile[] = [];

  before(async () => {
    sources = await readSources();
  });

  for (const { name, rule, where, bad, good } of proofs) {
    it(`${name}: finds each planted violation and lets the rest pass`, () => {
      expect(bad.filter((file) => rule(file).length === 0)).to.deep.equal([]);
      expect(good.flatMap(rule)).to.deep.equal([]);
    });

    it(`${name}: holds in the repository`, () => {
      const files = sources.filter(({ path }) => where.test(path) && !selfDescribing.has(path));
      expect(files).to.not.be.empty;
      expect(files.flatMap(rule)).to.deep.equal([]);
    });
  }

  it('dead files: finds a file that nobody imports', () => {
    const files = [
      violation('src/index.ts', "export { a } from './core/a.js';"),
      violation(
        'src/core/a.ts',
        "const worker = new URL('./b.ts', import.meta.url); await import('../c.js');",
      ),
      violation('src/core/b.ts'),
      violation('src/c.ts'),
      violation('src/core/dead.ts'),
    ];
    expect(deadFiles(files, entries)).to.deep.equal(['src/core/dead.ts']);
  });

  it('dead files: every file in src is imported by another or is an entry', () => {
    const inSource = sources.filter(({ path }) => path.startsWith('src/'));
    expect(deadFiles(inSource, entries)).to.deep.equal([]);
  });

  it('settings: finds a number without a unit', () => {
    const schema = z.object({
      port: z.number(),
      pool: z.object({ wait: z.number(), wait_ms: z.number().int() }),
    });
    expect(settingsWithoutUnit(z.toJSONSchema(schema))).to.deep.equal(['pool.wait']);
  });

  it('settings: every number tells its unit or what it counts', () => {
    expect(settingsWithoutUnit(z.toJSONSchema(configSchema, { io: 'input' }))).to.deep.equal([]);
  });

  it('sizes: the median file stays small', () => {
    const lengths = sources
      .filter(({ path }) => path.startsWith('src/'))
      .map(({ path, text }) => ({ path, lines: lineCount(text) }))
      .sort((a, b) => a.lines - b.lines);
    const median = lengths[Math.floor(lengths.length / 2)]!;
    const longest = lengths.at(-1)!;
    process.stdout.write(
      `      src: ${lengths.length} files, median ${median.lines} lines, longest ${longest.lines} (${longest.path})\n`,
    );
    expect(median.lines).to.be.at.most(250);
  });
});
