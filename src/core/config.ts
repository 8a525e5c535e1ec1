/**
 * Reads the configuration: defaults < sojourn.yaml < environment < flags, checked by the one schema. The only place
 * below cli/ that looks at the environment and the home folder.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../types/config.js';
import type { Config, ConfigInput, ResolvedConfig } from '../types/config.js';
import { SojournError } from '../types/errors.js';
import { nearest } from './nearest.js';

export interface ConfigSources {
  /** As given in a program or by flags, in the shape of the file; wins over all others. */
  readonly given?: ConfigInput;
  /** Default: `sojourn.yaml` in `cwd`, when there is one; null: none. */
  readonly file?: string | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** Environment names that are no settings: they belong to the client and the command line. */
const foreign = new Set(['SOJOURN_URL', 'SOJOURN_CONFIG']);
const aliases: Readonly<Record<string, string>> = { SOJOURN_IDLE_TIMEOUT: 'SOJOURN_IDLE_TIMEOUT_S' };

/** Lists of folders, which are separated like PATH. */
const pathLists: ReadonlySet<string> = new Set(['data.roots']);

type Tree = Record<string, unknown>;

/** @throws SojournError invalid_params whose detail names the key, the value and where it stands */
export function loadConfig(sources: ConfigSources = {}): Readonly<ResolvedConfig> {
  const { env = process.env, cwd = process.cwd() } = sources;
  const origins = new Map<string, string>();
  const merged: Tree = {};
  const file = sources.file === undefined ? (env.SOJOURN_CONFIG ?? defaultFile(cwd)) : sources.file;
  if (file !== null) merge(merged, readFile(resolve(cwd, file)), `in ${file}`, origins);
  merge(merged, readEnvironment(env), 'in the environment', origins);
  merge(merged, sources.given ?? {}, 'as given', origins);
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) throw describeIssues(parsed.error, merged, origins);
  const data_dir = resolve(cwd, parsed.data.data_dir ?? defaultDataDir(env));
  const { data } = parsed.data;
  const roots = (data.roots ?? [cwd]).map((root) => resolve(cwd, root));
  return deepFreeze({ ...checked(parsed.data), data: { ...data, roots }, data_dir });
}

/** The default data folder: $XDG_DATA_HOME/sojourn, else ~/.local/share/sojourn. */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env.XDG_DATA_HOME
    ? env.XDG_DATA_HOME
    : join(env.HOME ? env.HOME : homedir(), '.local', 'share');
  return join(base, 'sojourn');
}

/** Where home is, and nothing else of the environment. */
export const homeEnvironment = () => inheritedEnvironment(['HOME', 'XDG_DATA_HOME']);

/** All settings in this process's environment, for a server that it starts. */
export const settingsEnvironment = () =>
  inheritedEnvironment(Object.keys(process.env).filter((name) => name.startsWith('SOJOURN_')));

/** What a child process may inherit from this one's environment. */
export function inheritedEnvironment(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

function checked(config: Config): Config {
  if (config.auth === 'none' && !loopback.has(config.host)) {
    throw invalid(
      `auth: none is only for a loopback address, and host is '${config.host}'; use auth: token.`,
      'auth',
    );
  }
  if (config.compat.auth === 'none' && !loopback.has(config.host)) {
    const detail = `compat.auth: none is only for a loopback address, and host is '${config.host}'; use compat.auth: token.`;
    throw invalid(detail, 'compat.auth');
  }
  return config;
}

function defaultFile(cwd: string): string | null {
  return existsSync(join(cwd, 'sojourn.yaml')) ? 'sojourn.yaml' : null;
}

function readFile(path: string): Tree {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SojournError('invalid_params', `The configuration file ${path} cannot be read.`, {}, { cause });
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw invalid(`${path} is not valid YAML: ${problem.message.split('\n')[0] ?? ''}`, path);
  const content: unknown = document.toJS({ maxAliasCount: 20 });
  if (content === null || content === undefined) return {};
  const tree = z.record(z.string(), z.unknown()).safeParse(content);
  if (!tree.success) throw invalid(`${path} must be a mapping of settings.`, path);
  return tree.data;
}

/** SOJOURN_POOL_MAX_LIVE_SESSIONS=5 → {pool: {max_live_sessions: 5}}. */
function readEnvironment(env: Readonly<Record<string, string | undefined>>): Tree {
  const known = new Map(settingPaths().map((path) => [`SOJOURN_${path.join('_').toUpperCase()}`, path]));
  const tree: Tree = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('SOJOURN_') || foreign.has(name) || value === undefined || value === '') continue;
    const path = known.get(aliases[name] ?? name);
    if (!path) {
      const hint = nearest(name, [...known.keys()]);
      throw invalid(
        // The value may be a secret under a mistyped name.
        `${name} in the environment is no setting${hint ? `; did you mean ${hint}?` : '.'}`,
        name,
      );
    }
    put(tree, path, pathLists.has(path.join('.')) ? value.split(delimiter) : fromText(value, schemaAt(path)));
  }
  return tree;
}

/** Paths of all settings, e.g. [['host'], ['pool', 'max_live_sessions']]. */
export function settingPaths(): string[][] {
  return Object.entries(configSchema.shape).flatMap(([key, schema]) => {
    const inner = unwrap(schema);
    return inner instanceof z.ZodObject ? Object.keys(inner.shape).map((name) => [key, name]) : [[key]];
  });
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap();
  }
  return inner;
}

function schemaAt(path: readonly string[]): unknown {
  let schema: unknown = configSchema;
  for (const key of path) {
    const inner = unwrap(schema);
    schema = inner instanceof z.ZodObject ? (inner.shape as Record<string, unknown>)[key] : undefined;
  }
  return unwrap(schema);
}

function fromText(text: string, schema: unknown): unknown {
  if (schema instanceof z.ZodNumber)
    return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  if (schema instanceof z.ZodArray) return text.split(',').filter((item) => item !== '');
  if (schema instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [first = '', second] = path;
  if (second === undefined) tree[first] = value;
  else tree[first] = { ...(tree[first] as Tree | undefined), [second]: value };
}

/** Two levels deep, as the schema is; undefined members are left out. */
function merge(
  target: Tree,
  source: object,
  origin: string,
  origins: Map<string, string>,
  prefix = '',
): void {
  for (const [key, value] of Object.entries(source)) {
    if (value === undefined) continue;
    const below = target[key];
    if (prefix === '' && isTree(value) && (below === undefined || isTree(below))) {
      const copy = { ...below };
      merge(copy, value, origin, origins, `${key}.`);
      target[key] = copy;
    } else target[key] = value;
    origins.set(prefix + key, origin);
  }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function describeIssues(error: z.ZodError, merged: Tree, origins: Map<string, string>): SojournError {
  const [issue] = error.issues;
  if (!issue) return invalid('The configuration is invalid.', '');
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const [unknown = ''] = issue.keys;
    const key = [...path, unknown].join('.');
    const names = settingPaths().map((setting) => setting.join('.'));
    const hint = nearest(key, [...names, ...names.map((name) => name.split('.')[0] ?? '')]);
    const value = shown(key, valueAt(merged, [...path, unknown]));
    if (path.length === 0 && names.includes(key)) {
      const place = `${key}: ${value} ${originOf(key, origins)}`;
      return invalid(`${place} is written nested, as ${nested(key, value)}, not with a dot.`, key);
    }
    return invalid(
      `Unknown setting ${key}: ${value} ${originOf(key, origins)}${hint ? `; did you mean ${hint}?` : '.'}`,
      key,
    );
  }
  const key = path.join('.');
  const value = shown(key, valueAt(merged, path));
  return invalid(`${key}: ${value} ${originOf(key, origins)} is not valid: ${issue.message}.`, key);
}

/** Without what may be a secret; also an address in a list may have one. */
function shown(key: string, value: unknown): string {
  if (/token|url|proxy/.test(key)) return '(hidden)';
  if (value === undefined) return 'undefined';
  return JSON.stringify(value).replaceAll(/\/\/[^/@"]*@/g, '//(hidden)@');
}

/** As YAML has it on one line. */
const nested = (key: string, value: string) => `${key.split('.').join(': {')}: ${value}}`;

const originOf = (key: string, origins: Map<string, string>) =>
  origins.get(key) ?? origins.get(key.split('.')[0] ?? '') ?? '';

function valueAt(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (isTree(node) || Array.isArray(node) ? Reflect.get(node, key) : undefined),
    tree,
  );
}

const invalid = (detail: string, setting: string) => new SojournError('invalid_params', detail, { setting });

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
