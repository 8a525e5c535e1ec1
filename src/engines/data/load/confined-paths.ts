/**
 * Paths that requests and interface files name, kept below the data roots: links, `~` and variables are resolved
 * first, and what is read afterwards is the path without any of them.
 */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { FileStat, IFiles } from '../../../types/ports.js';
import { loadErrors } from './load-errors.js';

export interface ConfinedPathsOptions {
  readonly files: IFiles;
  /** Absolute and without links. */
  readonly roots: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Who named a path: the request itself, or a file that it led to. */
export type NamedBy = 'request' | 'file';

export interface FoundFile {
  /** Without links. */
  readonly path: string;
  readonly stat: FileStat;
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;

const gone = new Set<unknown>(['ENOENT', 'ENOTDIR']);

export class ConfinedPaths {
  constructor(private readonly options: ConfinedPathsOptions) {}

  /** Where relative paths of a request begin. */
  get home(): string {
    return this.options.roots[0] ?? '/';
  }

  /** `$VAR` and `${VAR}`; what is not known stays as it is. */
  expand(text: string): string {
    return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
      const name = plain ?? braced ?? '';
      return Object.hasOwn(this.options.environment, name)
        ? (this.options.environment[name] ?? whole)
        : whole;
    });
  }

  /** A folder as text, from `base` on; with `~` and variables resolved. */
  folder(text: string, base: string): string {
    const expanded = this.expand(text);
    const home = this.options.environment['HOME'];
    const full = home === undefined ? expanded : expanded.replace(/^~(?=\/|$)/, () => home);
    return isAbsolute(full) ? full : resolve(base, full);
  }

  /** The text of a path, not tidied: errors tell it as it was meant. */
  file(name: string, folder: string): string {
    return isAbsolute(name) ? name : `${folder === '/' ? '' : folder}/${name}`;
  }

  /** The path without links, also of what is not there yet. @throws when it leads out of the roots */
  async confine(path: string, by: NamedBy): Promise<string> {
    const { roots } = this.options;
    if (path.includes('\0')) throw loadErrors.escape(path.replaceAll('\0', '\\0'), roots, refusal(by));
    const real = await this.real(resolve(path));
    const isInside = roots.some((root) => real === root || real.startsWith(root === '/' ? root : `${root}/`));
    if (!isInside) throw loadErrors.escape(path, roots, refusal(by));
    return real;
  }

  /** A regular file below the roots, or null when there is none. @throws when it leads out of the roots */
  async find(path: string, by: NamedBy): Promise<FoundFile | null> {
    const real = await this.confine(path, by);
    const stat = await this.statOf(real);
    if (stat === null) return null;
    if (stat.type === 'file') return { path: real, stat };
    const what = stat.type === 'directory' ? 'a folder' : 'not a regular file';
    throw loadErrors.invalid(`'${path}' is ${what}; a file with data is needed.`, { path });
  }

  private async statOf(path: string): Promise<FileStat | null> {
    try {
      return await this.options.files.stat(path);
    } catch (error) {
      if (gone.has(codeOf(error))) return null;
      throw loadErrors.data(`'${path}' cannot be read (${String(codeOf(error))}).`, { path }, error);
    }
  }

  private async real(path: string): Promise<string> {
    try {
      return await this.options.files.realPath(path);
    } catch (error) {
      if (!gone.has(codeOf(error)))
        throw loadErrors.data(`'${path}' cannot be resolved (${String(codeOf(error))}).`, { path }, error);
      const parent = dirname(path);
      return parent === path ? path : join(await this.real(parent), basename(path));
    }
  }
}

const refusal = (by: NamedBy) => (by === 'request' ? 'invalid_params' : 'interface_invalid');
