/**
 * Compiles src into dist: TypeScript, and the Python files beside it. What has no source any more is removed.
 * A stamp holds the hash of everything that went in, so that a build that would change nothing is skipped.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const outputsOf = { '.ts': ['.js', '.d.ts'], '.py': ['.py'] };

function filesBelow(folder) {
  if (!fs.existsSync(folder)) return [];
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function sources(root) {
  const files = filesBelow(join(root, 'src')).filter(
    (path) => /\.(ts|py)$/.test(path) && !path.endsWith('.d.ts'),
  );
  return files.sort();
}

function expectedOutputs(root) {
  const expected = sources(root).flatMap((path) => {
    const inside = relative(join(root, 'src'), path);
    const extension = inside.slice(inside.lastIndexOf('.'));
    return outputsOf[extension].map((output) =>
      join(root, 'dist', inside.slice(0, -extension.length) + output),
    );
  });
  return new Set(expected);
}

const cache = (root) => join(root, 'node_modules', '.cache', 'sojourn');
const stampPath = (root) => join(cache(root), 'built');

function buildKey(root) {
  const hash = createHash('sha256');
  for (const path of [...settings.map((name) => join(root, name)), ...sources(root)]) {
    const bytes = fs.readFileSync(path);
    hash.update(`${relative(root, path)}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

/** True when dist is what a build would give. */
export function isBuilt(root) {
  if (!fs.existsSync(stampPath(root))) return false;
  if (fs.readFileSync(stampPath(root), 'utf8') !== buildKey(root)) return false;
  return [...expectedOutputs(root)].every((path) => fs.existsSync(path));
}

function removeStale(root, expected) {
  for (const path of filesBelow(join(root, 'dist'))) {
    if (!expected.has(path)) fs.rmSync(path);
  }
}

function copyPython(root) {
  for (const path of sources(root).filter((candidate) => candidate.endsWith('.py'))) {
    const target = join(root, 'dist', relative(join(root, 'src'), path));
    fs.mkdirSync(dirname(target), { recursive: true });
    fs.copyFileSync(path, target);
  }
}

/** Builds; null when all went well, else one line that says what did not. */
export function build(root) {
  const key = buildKey(root);
  const expected = expectedOutputs(root);
  fs.rmSync(stampPath(root), { force: true });
  removeStale(root, expected);
  // An incremental compiler believes its own notes and would not write again what was removed behind its back.
  if ([...expected].some((path) => !fs.existsSync(path))) {
    fs.rmSync(join(cache(root), 'tsbuildinfo'), { force: true });
  }
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (compiled.status !== 0) return 'the TypeScript compiler found the mistakes above; dist is not complete.';
  copyPython(root);
  const main = join(root, 'dist', 'cli', 'main.js');
  if (fs.existsSync(main)) fs.chmodSync(main, 0o755);
  fs.mkdirSync(cache(root), { recursive: true });
  fs.writeFileSync(stampPath(root), key);
  return null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = build(dirname(dirname(fileURLToPath(import.meta.url))));
  if (problem !== null) {
    console.error(`sojourn: ${problem}`);
    process.exitCode = 1;
  }
}
