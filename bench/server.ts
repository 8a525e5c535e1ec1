/** A server of its own for a benchmark: the built program, a fresh data folder, any free port. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface BenchServer {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** @param settings as environment variables, beside those that are set already */
export async function startBenchServer(
  dataDir?: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'sojourn-bench-')));
  const args = [program, 'serve', '--port', '0', '--data-dir', folder, '--log-level', 'warn'];
  // As where `sojourn` is started as a command.
  const env = { UV_THREADPOOL_SIZE: '16', ...process.env, ...settings };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // The welcome is printed when the server is ready.
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the server ended with ${String(code)}`)));
  });
  child.stdout.resume();
  const { url, token } = JSON.parse(await readFile(join(folder, 'runtime.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  return {
    url,
    token,
    dataDir: folder,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
