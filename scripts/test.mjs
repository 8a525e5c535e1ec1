/**
 * `npm test [-- MOCHA ARGS]`: installs, builds and provisions where needed, checks types, lint and format, then runs
 * every test file in a random order whose seed is printed. With arguments for mocha the static checks are left out.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provision } from './provision.mjs';
import { ensureBuilt, ensureInstalled, root, run } from './setup.mjs';

const bin = (...path) => join(root, 'node_modules', ...path);
const checks = [
  { name: 'types', script: bin('typescript', 'bin', 'tsc'), args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'lint', script: bin('eslint', 'bin', 'eslint.js'), args: ['.'] },
  {
    name: 'format',
    script: bin('prettier', 'bin', 'prettier.cjs'),
    args: ['--check', '--log-level=warn', '.'],
  },
];

function node(args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, ...options });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

async function check({ name, script, args }) {
  const begun = performance.now();
  const { code, output } = await node([script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  console.log(
    `${name}: ${code === 0 ? 'ok' : 'FAILED'} (${((performance.now() - begun) / 1000).toFixed(1)} s)`,
  );
  if (code !== 0) console.log(output.trimEnd());
  return code === 0 ? null : name;
}

/** The names of the checks that failed. */
async function runChecks() {
  const failed = await Promise.all(checks.map(check));
  return failed.filter((name) => name !== null);
}

/** Mulberry32: small, seeded, good enough to shuffle files. */
function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(items, seed) {
  const random = seededRandom(seed);
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

async function runMocha(mochaArgs, failedChecks) {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const found = readdirSync(join(root, 'test'), { recursive: true }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const files = shuffled(found.sort(), seed).map((name) => join('test', name));
  console.log(`Order of the test files: TEST_SEED=${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-test-'));
  const summary = join(folder, 'summary');
  try {
    const env = { ...process.env, TEST_SUMMARY_FILE: summary, TEST_FAILED_CHECKS: failedChecks.join(',') };
    const args = [bin('mocha', 'bin', 'mocha.js'), '--forbid-only', ...mochaArgs, ...files];
    const { code } = await node(args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const finished = existsSync(summary) && readFileSync(summary, 'utf8') !== '';
    if (!finished) console.log(`mocha ended before its summary (exit status ${code})\n0 passed, 1 failed`);
    return finished ? code : code || 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await run(async () => {
  const mochaArgs = process.argv.slice(2);
  await ensureInstalled();
  await ensureBuilt();
  provision();
  const failedChecks = mochaArgs.length === 0 ? await runChecks() : [];
  const code = await runMocha(mochaArgs, failedChecks);
  process.exitCode = failedChecks.length > 0 ? code || 1 : code;
});
