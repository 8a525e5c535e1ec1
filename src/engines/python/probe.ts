/** Asks a Python what it is, without importing anything into a kernel: for `doctor` and `status`. */
import type { z } from 'zod';
import { zygoteEnvironment } from './environment.js';
import type { PythonEngineOptions } from './options.js';
import { probeSchema } from './protocol.js';
import { sandboxSetup } from './sandbox.js';
import { pythonFile, unavailable } from './zygote-process.js';

const oldest = [3, 9] as const;

/** What it is, has and can be locked into. @throws engine_unavailable when it is missing, too old or cannot fork */
export async function probePython(options: PythonEngineOptions): Promise<z.infer<typeof probeSchema>> {
  const { executable, preload, spawner, searchPath, sandbox, runDir } = options;
  const packages = [...new Set(preload.map((name) => name.split('.')[0] ?? name))];
  const setup = JSON.stringify(sandboxSetup(sandbox, runDir));
  const child = spawner.spawn(executable, [pythonFile('probe.py'), setup, ...packages], {
    env: zygoteEnvironment(searchPath),
  });
  let output = '';
  let complaint = '';
  child.stdin?.end();
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
  const drained = child.stdout ? new Promise((resolve) => child.stdout?.once('close', resolve)) : undefined;
  try {
    await child.exited;
    await drained;
  } catch (error) {
    throw unavailable(`Python '${executable}' was not found`, error);
  }
  const parsed = probeSchema.safeParse(parseOrNull(output));
  if (!parsed.success) throw unavailable(`'${executable}' is no working Python. ${complaint.trim()}`);
  const { version, fork } = parsed.data;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw unavailable(`'${executable}' is Python ${version}, which is too old`);
  }
  if (!fork) throw unavailable(`'${executable}' has no os.fork(), which sessions need`);
  return parsed.data;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller says what is wrong with it.
    return null;
  }
}
