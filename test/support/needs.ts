/**
 * What a suite needs from the machine. `needs.python(this)` in a `before` hook skips the whole suite where it is
 * missing and leaves the reason for the reporter, so that nothing is ever skipped in silence.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const reasonKey = Symbol.for('sojourn.skipReason');

/** The interpreter of the tests: the system's own, which has the packages, where there is one. */
export const pythonExecutable = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

const pythonModules = new Map<string, Promise<boolean>>();

function hasPythonModule(name: string): Promise<boolean> {
  const known = pythonModules.get(name);
  if (known !== undefined) return known;
  const found = run(pythonExecutable, ['-c', `import ${name}`]).then(
    () => true,
    () => false,
  );
  pythonModules.set(name, found);
  return found;
}

/** Skips the suite that a hook belongs to, or the test that calls it. */
export function skip(context: Mocha.Context, reason: string): never {
  const runnable = context.runnable();
  const owner = Reflect.get(runnable, 'type') === 'hook' ? runnable.parent : runnable;
  if (owner !== undefined) Object.assign(owner, { [reasonKey]: reason });
  return context.skip();
}

export const needs = {
  async python(context: Mocha.Context): Promise<void> {
    if (!(await hasPythonModule('sys'))) skip(context, `no Python 3 (${pythonExecutable})`);
  },
  async pythonModule(context: Mocha.Context, name: string): Promise<void> {
    if (!(await hasPythonModule(name)))
      skip(context, `Python has no ${name} (apt-get install python3-${name})`);
  },
  root(context: Mocha.Context): void {
    if (process.getuid?.() !== 0) skip(context, 'not run as root');
  },
  /** Root may read and write everywhere, so tests of refused access prove nothing there. */
  ordinaryUser(context: Mocha.Context): void {
    if (process.getuid?.() === 0) skip(context, 'run as root, whom file modes do not stop');
  },
  /** The whole sandbox: root, who can give uids away, and a kernel with Landlock. */
  async sandbox(context: Mocha.Context): Promise<void> {
    needs.linux(context);
    needs.root(context);
    await needs.python(context);
    const code = `import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))`;
    const { stdout } = await run(pythonExecutable, ['-c', code]);
    if (Number(stdout) < 1) skip(context, 'this kernel has no Landlock');
  },
  linux(context: Mocha.Context): void {
    if (process.platform !== 'linux') skip(context, `needs Linux, this is ${process.platform}`);
  },
};
