/**
 * `npm test [-- MOCHA ARGS]`: installs, builds and provisions where needed, checks types, lint and format, then runs
 * every test file in a random order whose seed is printed. With arguments for mocha the static checks are left out.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { provision } from './provision.mjs';
import { linesOf, nothing, sum } from '../test/support/summary.mjs';
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

/** Several for each lane, so that none is left with much to do when the others have ended. */
const batchesPerLane = 5;

/** Runs files in one process of mocha; its output is shown in one piece when others run beside it. */
async function runBatch(files, mochaArgs, stdout) {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-test-'));
  const summary = join(folder, 'summary');
  try {
    const args = [bin('mocha', 'bin', 'mocha.js'), '--forbid-only', ...mochaArgs, ...files];
    const env = { ...process.env, TEST_SUMMARY_FILE: summary };
    const { code, output } = await node(args, { env, stdio: ['ignore', stdout, stdout] });
    if (output !== '') console.log(output.trimEnd());
    if (existsSync(summary)) return JSON.parse(readFileSync(summary, 'utf8'));
    return {
      ...nothing,
      failed: [`mocha ended before its summary (exit status ${code}): ${files.join(' ')}`],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files are dealt out to as many processes as the machine can run at once, two at the most. */
async function runMocha(mochaArgs) {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const found = readdirSync(join(root, 'test'), { recursive: true }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const files = shuffled(found.sort(), seed).map((name) => join('test', name));
  console.log(`Order of the test files: TEST_SEED=${seed}`);
  if (mochaArgs.length > 0) return runBatch(files, mochaArgs, 'inherit');
  const lanes = Math.min(2, availableParallelism());
  const count = lanes * batchesPerLane;
  const batches = Array.from({ length: count }, (_, place) =>
    files.filter((_, index) => index % count === place),
  );
  let total = nothing;
  const work = async () => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const part = await runBatch(batch, [], 'pipe');
      total = sum(total, part);
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return total;
}

await run(async () => {
  const mochaArgs = process.argv.slice(2);
  await ensureInstalled();
  await ensureBuilt();
  provision();
  const failedChecks = mochaArgs.length === 0 ? await runChecks() : [];
  const total = await runMocha(mochaArgs);
  console.log(linesOf(total, failedChecks).join('\n'));
  process.exitCode = total.failed.length + failedChecks.length > 0 ? 1 : 0;
});
