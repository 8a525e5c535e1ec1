/** Reads what a running server leaves in its data folder. Apart from the lock, so that clients need no database. */
import { join } from 'node:path';
import { z } from 'zod';
import type { RuntimeInfo } from '../types/managers.js';
import type { IFiles } from '../types/ports.js';

const runtimeSchema = z.object({
  pid: z.number().int().positive(),
  url: z.string(),
  token: z.string().nullable(),
  version: z.string(),
  started_at: z.string(),
});

/** Null when there is nothing, or nothing that can be read. */
export async function readRuntime(dataDir: string, files: IFiles): Promise<RuntimeInfo | null> {
  try {
    const text = new TextDecoder().decode(await files.read(join(dataDir, 'runtime.json')));
    const parsed = runtimeSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    // Missing, half written by another program, or no JSON: there is no word of any server.
    return null;
  }
}
