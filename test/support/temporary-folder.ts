/**
 * Fresh folders for tests. Each is removed by the root hooks in leaks.ts when the test, or the top-level suite whose
 * `before` hook asked for it, has ended.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shared } from './shared.js';

const open = shared<string>('temporary folders');

/** An empty folder of its own, below the system's folder for temporary files. */
export async function temporaryFolder(label = 'test'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sojourn-${label}-`));
  open.push(folder);
  return folder;
}

/** Those that are there now, oldest first. */
export const temporaryFolders = (): readonly string[] => open;

/** Removes all but the `keep` oldest. */
export async function removeTemporaryFolders(keep: number): Promise<void> {
  for (const folder of open.splice(keep)) {
    await rm(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  }
}
