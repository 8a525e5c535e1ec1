/**
 * What a checkpoint says of a session's workspace folder. It comes back from the store, or from an archive that
 * somebody else made, so every path in it is checked again: nothing it names lies outside of the folder.
 */
import { sep } from 'node:path';
import { z } from 'zod';

export const workspaceEntriesMax = 100_000;
export const workspaceDepthMax = 64;

/** Relative, with `/` between its steps and none that is empty, `.` or `..`. */
export function isInnerPath(path: string): boolean {
  if (path.length > 4096 || path.includes('\0') || (sep === '\\' && path.includes(sep))) return false;
  const steps = path.split('/');
  return (
    steps.length <= workspaceDepthMax && steps.every((step) => step !== '' && step !== '.' && step !== '..')
  );
}

const pathSchema = z.string().refine(isInnerPath, 'not a path inside of the workspace');
const modeSchema = z.number().int().min(0).max(0o777);

const fileSchema = z.object({
  type: z.literal('file'),
  path: pathSchema,
  mode: modeSchema,
  mtime_ms: z.number(),
  size: z.number().int().nonnegative(),
  /** SHA-256 of each piece of `workspacePieceBytes`, in order. */
  pieces: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  /** While these and the size stay the same the file was not written; null when it was too young to tell. */
  fingerprint: z.object({ ctime_ms: z.number(), inode: z.number() }).nullable(),
});
const directorySchema = z.object({ type: z.literal('directory'), path: pathSchema, mode: modeSchema });
/** A link is kept as a link, whatever it points to. */
const linkSchema = z.object({
  type: z.literal('link'),
  path: pathSchema,
  target: z.string().min(1).max(4096),
});

export const workspaceManifestSchema = z
  .object({
    version: z.literal(1),
    /** A folder stands before what is in it. */
    entries: z
      .array(z.discriminatedUnion('type', [fileSchema, directorySchema, linkSchema]))
      .max(workspaceEntriesMax),
    /** What was there and is not kept; a restore leaves these, and what is below them, alone. */
    skipped: z.array(pathSchema),
  })
  .refine(({ entries }) => isTree(entries), 'an entry stands twice, or not in a folder of the manifest');
export type WorkspaceManifest = z.infer<typeof workspaceManifestSchema>;
export type WorkspaceEntry = WorkspaceManifest['entries'][number];
export type WorkspaceFile = Extract<WorkspaceEntry, { type: 'file' }>;

export const workspacePieceBytes = 4 * 2 ** 20;

function isTree(entries: readonly { type: string; path: string }[]): boolean {
  const folders = new Set(['']);
  const seen = new Set<string>();
  for (const { type, path } of entries) {
    if (seen.has(path) || !folders.has(folderOf(path))) return false;
    seen.add(path);
    if (type === 'directory') folders.add(path);
  }
  return true;
}

/** The folder a path stands in, '' for the workspace itself. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
