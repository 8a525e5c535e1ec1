/**
 * Installs the system packages that some test suites use, on Debian and as root only. Anywhere else, and when it
 * fails, nothing is lost: those suites skip themselves and say why.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A package, and a file that is there when it is installed: looking at it costs microseconds, asking dpkg does not. */
const packages = [
  { name: 'python3', file: '/usr/bin/python3' },
  { name: 'python3-numpy', file: '/usr/lib/python3/dist-packages/numpy/__init__.py' },
  { name: 'python3-pandas', file: '/usr/lib/python3/dist-packages/pandas/__init__.py' },
  { name: 'python3-matplotlib', file: '/usr/lib/python3/dist-packages/matplotlib/__init__.py' },
  { name: 'python3-sklearn', file: '/usr/lib/python3/dist-packages/sklearn/__init__.py' },
];
const timeoutMs = 10 * 60_000;

function aptGet(...args) {
  const result = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: timeoutMs,
  });
  if (result.status === 0) return null;
  return result.stderr?.trim().split('\n').at(-1) || result.error?.message || `exit status ${result.status}`;
}

/** Never fails; says on standard error what it did or could not do. */
export function provision() {
  const missing = packages.filter(({ file }) => !existsSync(file)).map(({ name }) => name);
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`Not installed: ${missing.join(', ')}. The suites that use them are skipped.`);
    return;
  }
  console.error(`Installing ${missing.join(', ')} …`);
  aptGet('update', '-qq');
  const problem = aptGet('install', '-qq', '--yes', '--no-install-recommends', ...missing);
  if (problem !== null)
    console.error(`apt-get could not install them (${problem}); suites that use them are skipped.`);
}
