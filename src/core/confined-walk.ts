/**
 * Finds the place that a path means inside a workspace, and never one outside of it. The folder is written at the
 * same moment by code that nobody vouches for, so every step is opened through the folder before it, which is held
 * open; symbolic links are read and resolved here, never by the system. Where a folder cannot be held (anything but
 * Linux) each step is still looked at, but a folder that is swapped for a link between two steps is followed.
 */
import { sep } from 'node:path';
import type { FileOwner, FileStat, HeldDirectory, IFiles } from '../types/ports.js';
import { fileErrors } from './file-errors.js';
import { workspaceDepthMax } from './workspace-manifest.js';

/** A name in a folder that is held open; to be disposed by whoever asked for it. */
export interface Place {
  readonly folder: HeldDirectory;
  /** `.` for the folder itself. */
  readonly name: string;
  /** How to get at it. */
  readonly reach: string;
  /** From the workspace on, links resolved; '' for the workspace itself. */
  readonly path: string;
  /** Null when nothing is there. */
  readonly found: FileStat | null;
}

export interface WalkOptions {
  /** What a link at the very end points to is meant, not the link. */
  readonly follow: boolean;
  /** Folders on the way that are missing are made. */
  readonly makeFolders?: boolean;
}

const pathLengthMax = 4096;
const linksMax = 40;
/** Steps that are taken, those of links among them: `..` over and over would keep the disk busy. */
const stepsMax = 512;

/**
 * @param spellings of the folder: what an absolute path inside of it may begin with; the first one is opened.
 * @throws invalid_params for a path that leads outside or is none · file_not_found for a folder that is not there,
 * and what the file system throws
 */
export async function walkTo<T>(
  { files, spellings, owner }: { files: IFiles; spellings: readonly string[]; owner?: FileOwner | undefined },
  path: string,
  options: WalkOptions,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const steps = stepsOf(path, path, spellings);
  const walk = new Walk(files, spellings, path, owner);
  try {
    return await work(await walk.to(steps, options));
  } finally {
    await walk.dispose();
  }
}

/** The steps of a path from the folder on, `..` among them. @throws invalid_params */
export function stepsOf(path: string, asked: string, spellings: readonly string[]): string[] {
  if (path.length > pathLengthMax)
    throw fileErrors.invalid(asked, `has more than ${pathLengthMax} characters`);
  if (path.includes('\0')) throw fileErrors.invalid(asked, 'has a NUL in it');
  if (/\p{Surrogate}/u.test(path)) throw fileErrors.invalid(asked, 'is not well-formed text');
  if (sep === '\\' && /[\\:]/.test(path)) throw fileErrors.invalid(asked, 'has a \\ or : in it');
  return (path.startsWith('/') ? fromFolder(path, asked, spellings) : path)
    .split('/')
    .filter((step) => step !== '' && step !== '.');
}

function fromFolder(path: string, asked: string, spellings: readonly string[]): string {
  const spelling = spellings.find((one) => path === one || path.startsWith(`${one}/`));
  if (spelling === undefined) throw fileErrors.outside(asked);
  return path.slice(spelling.length);
}

class Walk {
  private folder: HeldDirectory | null = null;
  /** Of the real folders from the workspace to `folder`. */
  private names: string[] = [];
  private links = 0;

  constructor(
    private readonly files: IFiles,
    private readonly spellings: readonly string[],
    private readonly asked: string,
    private readonly owner: FileOwner | undefined,
  ) {}

  async to(given: readonly string[], { follow, makeFolders = false }: WalkOptions): Promise<Place> {
    await this.restart();
    const steps = [...given];
    let taken = 0;
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
      taken += 1;
      if (taken > stepsMax) throw fileErrors.invalid(this.asked, `has more than ${stepsMax} steps`);
      if (step === '..') {
        await this.up();
        continue;
      }
      const found = await this.files.stat(this.reach(step));
      const isLast = steps.length === 0;
      if (found?.type === 'link' && (follow || !isLast)) steps.unshift(...(await this.target(step)));
      else if (isLast) return this.place(step, found);
      else await this.into(step, found, makeFolders);
    }
    return this.place('.', await this.files.stat(this.reach('.')));
  }

  async dispose(): Promise<void> {
    await this.folder?.dispose();
  }

  private get held(): HeldDirectory {
    if (this.folder === null) throw new Error('the walk has not begun');
    return this.folder;
  }

  private reach(name: string): string {
    return `${this.held.path}/${name}`;
  }

  private place(name: string, found: FileStat | null): Place {
    const path = (name === '.' ? this.names : [...this.names, name]).join('/');
    return { folder: this.held, name, reach: this.reach(name), path, found };
  }

  private async restart(): Promise<void> {
    await this.folder?.dispose();
    this.folder = await this.files.holdDirectory(this.spellings[0] ?? '');
    this.names = [];
  }

  private async into(name: string, found: FileStat | null, makeFolders: boolean): Promise<void> {
    if (this.names.length >= workspaceDepthMax)
      throw fileErrors.invalid(this.asked, `is nested deeper than ${workspaceDepthMax}`);
    if (found !== null && found.type !== 'directory') throw fileErrors.notFound(this.asked);
    if (found === null && !makeFolders) throw fileErrors.notFound(this.asked);
    if (found === null) await this.files.makeDirectory(this.reach(name), 0o755);
    const inner = await this.files.holdDirectory(this.reach(name));
    await this.held.dispose();
    this.folder = inner;
    this.names = [...this.names, name];
    if (found === null && this.owner) await inner.setAttributes({ owner: this.owner });
  }

  /** The folder above is opened anew from the top: `..` of a folder that was moved elsewhere would lead there. */
  private async up(): Promise<void> {
    if (this.names.length === 0) throw fileErrors.outside(this.asked);
    const above = this.names.slice(0, -1);
    await this.restart();
    for (const name of above) await this.into(name, await this.files.stat(this.reach(name)), false);
  }

  private async target(name: string): Promise<string[]> {
    this.links += 1;
    if (this.links > linksMax) throw fileErrors.invalid(this.asked, 'goes through too many symbolic links');
    const target = await this.files.readLink(this.reach(name));
    const steps = stepsOf(target, this.asked, this.spellings);
    if (target.startsWith('/')) await this.restart();
    return steps;
  }
}
