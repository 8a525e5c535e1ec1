/**
 * Gets a fresh checkout ready: installs the dependencies and builds, each only when something changed.
 * Every npm script calls this first, so both checks must cost next to nothing when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './build.mjs';
import { alone } from './alone.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure that is told in one line, without a stack. */
export class SetupError extends Error {}

const modules = join(root, 'node_modules');
const installStamp = join(modules, '.cache', 'sojourn', 'installed');
const sqliteBinary = join(modules, 'better-sqlite3', 'build', 'Release', 'better_sqlite3.node');

/** Names what must be installed: the locked versions, for this kind of Node (compiled parts fit only one). */
function installKey() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const abi = `${process.platform} ${process.arch} ${process.versions.modules}`;
  return createHash('sha256').update(lock).update(abi).digest('hex');
}

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** True when somebody ran npm by hand and what is there is what the lock file says. */
function isInstalledByHand() {
  const installed = readText(join(modules, '.package-lock.json'));
  if (installed === '' || !existsSync(sqliteBinary)) return false;
  const present = JSON.parse(installed).packages;
  const wanted = JSON.parse(readText(join(root, 'package-lock.json'))).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || present[path]?.integrity === entry.integrity,
  );
}

function installEnvironment() {
  // Compiling needs Node's headers. Where Node brought them along they are used, so that nothing is downloaded.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h'));
  return headers ? { ...process.env, npm_config_nodedir: prefix } : process.env;
}

function npm(args) {
  const script = process.env.npm_execpath ?? '';
  const [command, first] = /npm-cli\.c?js$/.test(script) ? [process.execPath, [script]] : ['npm', []];
  return spawnSync(command, [...first, ...args], {
    cwd: root,
    env: installEnvironment(),
    encoding: 'utf8',
    shell: command === 'npm' && process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 ** 2,
  });
}

/** How node-gyp and make complain. */
const missingCompiler = [
  /not found: (make|g\+\+|c\+\+|cc)\b/i,
  /(make|g\+\+|c\+\+|cc): (command )?not found/i,
  /(make|g\+\+|c\+\+|cc): No such file/i,
  /gyp ERR! find Python/,
];

function explain(result) {
  const text = `${result.stdout ?? ''}\n${result.stderr ?? ''}`;
  if (result.error?.code === 'ENOENT') return 'npm was not found; install it together with Node.js.';
  if (missingCompiler.some((pattern) => pattern.test(text))) {
    return 'better-sqlite3 must be compiled here and a compiler is missing; install one (Debian: apt-get install make g++ python3) and try again.';
  }
  if (/ENOTFOUND|ETIMEDOUT|ECONNREFUSED|EAI_AGAIN|network/i.test(text)) {
    return 'the package registry cannot be reached; check the network and the proxy settings of npm.';
  }
  const lines = text.split('\n').filter((line) => !/complete log|ERR! not ok/i.test(line));
  const line =
    lines.findLast((text) => /\*\*\* |Error: /.test(text)) ?? lines.findLast((text) => /error/i.test(text));
  return `npm ci failed: ${line?.trim() ?? result.error?.message ?? `exit status ${result.status}`}`;
}

/** Installs what package-lock.json says, unless that is what is there. */
export async function ensureInstalled() {
  if (readText(installStamp) === installKey()) return;
  await alone(root, () => {
    if (readText(installStamp) === installKey()) return;
    if (!isInstalledByHand()) {
      console.error('Installing dependencies (about a minute where better-sqlite3 must be compiled) …');
      // Development packages are named on purpose: NODE_ENV=production would leave the compiler out.
      const result = npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
      if (result.status !== 0) throw new SetupError(explain(result));
      if (!existsSync(sqliteBinary)) {
        throw new SetupError(
          'npm did not compile better-sqlite3; allow install scripts (npm config) and try again.',
        );
      }
    }
    mkdirSync(dirname(installStamp), { recursive: true });
    writeFileSync(installStamp, installKey());
  });
}

/** Builds dist unless it is what src would give. */
export async function ensureBuilt() {
  if (isBuilt(root)) return;
  await alone(root, () => {
    if (isBuilt(root)) return;
    console.error('Building …');
    const problem = build(root);
    if (problem !== null) throw new SetupError(problem);
  });
}

/** Runs a script's main function; a SetupError ends it with one line and status 1. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`sojourn: ${error.message}`);
    process.exitCode = 1;
  }
}
