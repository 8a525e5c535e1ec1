/** Loads engines and stores from outside, and says which plugin misses what before anything runs on it. */
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { EngineDefinition } from './types/engine.js';
import { SojournError } from './types/errors.js';
import type { StoreDefinition } from './types/store.js';

export interface Plugins {
  readonly engines: EngineDefinition[];
  readonly stores: StoreDefinition[];
}

const callable = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
);
const common = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  apiVersion: z.literal(1),
  create: callable,
};
const engineSchema = z.looseObject({
  ...common,
  capabilities: z.object({
    execute: z.boolean().optional(),
    replay: z.boolean().optional(),
    clear: z.boolean().optional(),
    versions: z.boolean().optional(),
    exact_replay: z.boolean().optional(),
  }),
  isolation: z.union([z.enum(['none', 'process', 'sandbox']), callable]),
  options: z.custom<z.ZodType>((value) => value instanceof z.ZodType, 'must be a zod schema'),
});
const storeSchema = z.looseObject({ ...common, persistent: z.boolean() });

/**
 * @param names package names, or paths relative to the current folder.
 * @throws invalid_params that names plugin and member
 */
export async function loadPlugins(names: readonly string[]): Promise<Plugins> {
  const plugins: Plugins = { engines: [], stores: [] };
  for (const name of names) {
    const definition = await importDefault(name);
    if (typeof definition === 'object' && definition !== null && 'capabilities' in definition) {
      plugins.engines.push(check(name, engineSchema, definition) as unknown as EngineDefinition);
    } else {
      plugins.stores.push(check(name, storeSchema, definition) as unknown as StoreDefinition);
    }
  }
  return plugins;
}

async function importDefault(name: string): Promise<unknown> {
  const isPath = name.startsWith('.') || isAbsolute(name);
  const specifier = isPath ? pathToFileURL(resolve(name)).href : name;
  try {
    return ((await import(specifier)) as { default?: unknown }).default;
  } catch (cause) {
    throw new SojournError(
      'invalid_params',
      `plugins: '${name}' cannot be loaded: ${messageOf(cause)}`,
      {},
      { cause },
    );
  }
}

function check<S extends z.ZodType>(name: string, schema: S, definition: unknown): z.output<S> {
  const result = schema.safeParse(definition);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const member = issue?.path.join('.') ?? '';
  throw new SojournError(
    'invalid_params',
    `plugins: '${name}' is no plugin of API version 1: ${member} ${issue?.message ?? ''}`,
  );
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
