/** Short words for tests of installing packages. */
import { installResultSchema } from '../../src/engines/python/package-install.js';
import type { InstallResult } from '../../src/engines/python/package-install.js';
import type { ISession } from '../../src/types/client.js';
import { isSojournError } from '../../src/types/errors.js';
import type { SojournError } from '../../src/types/errors.js';

export async function install(
  session: ISession,
  packages: readonly string[],
  options: object = {},
): Promise<InstallResult> {
  return installResultSchema.parse(await session.call('install_dependencies', { packages, ...options }));
}

/** An installation that is not in question. */
export async function installed(session: ISession, packages: readonly string[]): Promise<void> {
  const { returncode, stderr } = await install(session, packages);
  if (returncode !== 0) throw new Error(stderr);
}

/** How an installation was refused. */
export async function refusal(
  session: ISession,
  packages: readonly string[],
  options: object = {},
): Promise<SojournError> {
  const error: unknown = await install(session, packages, options).catch((reason: unknown) => reason);
  if (!isSojournError(error)) throw new Error('it was not refused', { cause: error });
  return error;
}

/** The output of a run, or its error. */
export async function valueOf(session: ISession, code: string): Promise<string> {
  const { output, error } = await session.execute(code);
  return error ? `${error.name}: ${error.message}` : output.trim();
}

/** What lies in the workspace and in the session's folder of packages. */
export const presentIn = (session: ISession): Promise<string> =>
  valueOf(
    session,
    `import os; sorted(os.listdir()) + (sorted(os.listdir('.site-packages')) if os.path.exists('.site-packages') else [])`,
  );
