/** The built server as a process of its own: what can be killed. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { pythonExecutable } from './needs.js';

export const programPath = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const runtimeSchema = z.object({ url: z.string(), token: z.string(), pid: z.number() });

export interface ServerProcess {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** SIGKILL, and until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and its exit status. */
  stop(): Promise<number | null>;
}

/** Resolves when it serves. @param env added to a clean environment */
export async function startServerProcess(
  dataDir: string,
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    [programPath, 'serve', '--port', '0', '--data-dir', dataDir, '--log-level', 'warn'],
    {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: dataDir,
        SOJOURN_PYTHON_EXECUTABLE: pythonExecutable,
        // Nothing preloaded starts faster; one name that exists is all that a list needs.
        SOJOURN_PYTHON_PRELOAD: 'math',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const words: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
  const exited = once(child, 'exit');
  const ready = once(child.stdout, 'data').then(() => 'ready' as const);
  const first = await Promise.race([ready, exited.then(() => 'ended' as const)]);
  if (first === 'ended') throw new Error(`the server ended: ${Buffer.concat(words).toString()}`);
  child.stdout.resume();
  const runtime = runtimeSchema.parse(JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return {
    ...runtime,
    child,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
