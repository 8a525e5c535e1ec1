/** `sojourn doctor`: what works on this machine, and what to do about what does not. */
import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { silentLog } from '../core/system.js';
import type { ResolvedConfig } from '../types/config.js';
import { isolationOf } from '../types/engine.js';
import { isSojournError } from '../types/errors.js';
import { version } from '../version.js';
import { configFor, globalOptions } from './context.js';
import { printJson, printLine } from './output.js';

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly facts?: Record<string, unknown>;
}

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Tell what works on this machine: Python, packages, isolation, data folder, port.')
    .action(async (_own: unknown, command: Command) => {
      const options = globalOptions(command);
      const config = configFor(options);
      const findings = [
        { name: 'node', ok: true, detail: process.version },
        { name: 'sojourn', ok: true, detail: version },
        await storeFinding(),
        ...(await engineFindings(config)),
        await dataFinding(config),
        await portFinding(config),
      ];
      if (findings.some((finding) => !finding.ok)) process.exitCode = 1;
      if (options.json === true) printJson({ ok: process.exitCode !== 1, findings });
      else
        for (const { name, ok, detail } of findings)
          printLine(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(9)} ${detail}`);
    });
}

async function storeFinding(): Promise<Finding> {
  try {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(':memory:');
    const found = z
      .object({ version: z.string() })
      .parse(database.prepare('SELECT sqlite_version() AS version').get());
    database.close();
    return { name: 'store', ok: true, detail: `SQLite ${found.version}` };
  } catch {
    const detail =
      'better-sqlite3 has no compiled binary; install a C++ compiler, then: npm rebuild better-sqlite3';
    return { name: 'store', ok: false, detail };
  }
}

async function engineFindings(config: Readonly<ResolvedConfig>): Promise<Finding[]> {
  const { createApp } = await import('../app.js');
  const app = await createApp({ config: { ...config, store: 'memory' }, log: silentLog, token: null });
  try {
    return await Promise.all(
      [...app.engines.values()].map(async (engine): Promise<Finding> => {
        try {
          const facts = (await engine.describe?.()) ?? {};
          // An engine that finds out by trying says so itself: nothing has to be started for it.
          const isolation = facts.isolation ?? (await isolationOf(engine, engine.options.safeParse({}).data));
          return {
            name: engine.name,
            ok: true,
            detail: describe({ ...facts, isolation }),
            facts,
          };
        } catch (error) {
          const detail = isSojournError(error) ? error.detail : String(error);
          return { name: engine.name, ok: false, detail };
        }
      }),
    );
  } finally {
    for (const engine of app.engines.values()) await engine.dispose?.();
    await app.close();
  }
}

function describe(facts: Record<string, unknown>): string {
  const text = (value: unknown): string =>
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([name, inner]) => `${name} ${text(inner)}`)
          .join(', ')
      : String(value);
  return Object.entries(facts)
    .map(([name, value]) => `${name}: ${text(value)}`)
    .join('; ');
}

async function dataFinding(config: Readonly<ResolvedConfig>): Promise<Finding> {
  let folder = config.data_dir;
  for (;;) {
    try {
      await access(folder, constants.W_OK);
      return { name: 'data', ok: true, detail: config.data_dir };
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (missing && dirname(folder) !== folder) folder = dirname(folder);
      else
        return {
          name: 'data',
          ok: false,
          detail: `${folder} is not writable; choose another with --data-dir`,
        };
    }
  }
}

function portFinding({ host, port }: Readonly<ResolvedConfig>): Promise<Finding> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve({
        name: 'port',
        ok: true,
        detail: `${host}:${port} is in use, perhaps by Sojourn; \`sojourn status\` tells`,
      });
    });
    probe.listen(port, host, () => {
      probe.close(() => resolve({ name: 'port', ok: true, detail: `${host}:${port} is free` }));
    });
  });
}
