/**
 * Goes through the folders of a workspace without following a link, and never through more than it was told: the one
 * who fills the folder may have made it endless.
 */
import type { FileStat, HeldDirectory, IFiles } from '../types/ports.js';
import { isFileError } from './workspace-files.js';

export interface TreeEntry {
  /** From the workspace on. */
  readonly path: string;
  readonly name: string;
  readonly stat: FileStat;
  /** Of those in the folder where it began: 1. */
  readonly depth: number;
}

export interface TreeOptions {
  readonly files: IFiles;
  /** Folders are gone into up to this depth. */
  readonly depthMax: number;
  readonly entriesMax: number;
}

export interface TreeEnd {
  /** False when there was more than was asked for. */
  readonly complete: boolean;
}

/** Parents before what is in them, siblings by name. What goes meanwhile, or cannot be looked at, is left out. */
export async function* treeOf(
  folder: HeldDirectory,
  prefix: string,
  options: TreeOptions,
): AsyncGenerator<TreeEntry, TreeEnd> {
  const walk = new TreeWalk(options);
  yield* walk.folder(folder, prefix, 1);
  return { complete: walk.complete };
}

/** Calls `each` for every entry. @returns whether that was all */
export async function collect(
  held: HeldDirectory,
  prefix: string,
  options: TreeOptions,
  each: (entry: TreeEntry) => void,
): Promise<boolean> {
  const tree = treeOf(held, prefix, options);
  for (;;) {
    const step = await tree.next();
    if (step.done === true) return step.value.complete;
    each(step.value);
  }
}

class TreeWalk {
  complete = true;
  private seen = 0;

  constructor(private readonly options: TreeOptions) {}

  async *folder(held: HeldDirectory, prefix: string, depth: number): AsyncGenerator<TreeEntry> {
    for (const name of await this.names(held)) {
      const stat = await ifThere(() => this.options.files.stat(`${held.path}/${name}`));
      if (!stat) continue;
      const path = `${prefix}${name}`;
      yield { path, name, stat, depth };
      if (stat.type === 'directory' && depth < this.options.depthMax)
        yield* this.inside(held, name, path, depth);
    }
  }

  private async *inside(
    held: HeldDirectory,
    name: string,
    path: string,
    depth: number,
  ): AsyncGenerator<TreeEntry> {
    const inner = await ifThere(() => this.options.files.holdDirectory(`${held.path}/${name}`));
    if (!inner) return;
    try {
      yield* this.folder(inner, `${path}/`, depth + 1);
    } finally {
      await inner.dispose();
    }
  }

  private async names(held: HeldDirectory): Promise<string[]> {
    const { files, entriesMax } = this.options;
    const left = entriesMax - this.seen;
    const entries = (await ifThere(() => files.list(held.path, left + 1))) ?? [];
    if (entries.length > left) this.complete = false;
    const names = entries.slice(0, left).map(({ name }) => name);
    this.seen += names.length;
    return names.sort();
  }
}

/** Null where the file system complains: the entry went, or was swapped, or its name is no text. */
async function ifThere<T>(look: () => Promise<T | null>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (isFileError(error)) return null;
    throw error;
  }
}

/** As `tree` draws it: the root's own name, then its entries below each other. */
export function drawTree(root: string, entries: readonly TreeEntry[]): string {
  const followed = haveLaterSiblings(entries);
  const lines = [root];
  /** For each depth: whether more siblings follow. */
  const open: boolean[] = [];
  entries.forEach(({ depth, name, stat }, index) => {
    open[depth] = followed[index] ?? false;
    const stem = open.slice(1, depth).map((more) => (more ? '│   ' : '    '));
    const branch = open[depth] ? '├── ' : '└── ';
    lines.push(`${stem.join('')}${branch}${name}${stat.type === 'directory' ? '/' : ''}`);
  });
  return lines.join('\n');
}

/** From the end on: what was met at a depth comes later for all that stands before it in the same folder. */
function haveLaterSiblings(entries: readonly TreeEntry[]): boolean[] {
  const met: boolean[] = [];
  const later = [...entries].reverse().map(({ depth }) => {
    const followed = met[depth] === true;
    met[depth] = true;
    met.length = depth + 1;
    return followed;
  });
  return later.reverse();
}
