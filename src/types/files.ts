/**
 * Files of a session's workspace folder, as data and as bytes on their way. Paths are relative to the workspace, with
 * `/` between their steps; what a client gives may also be absolute when it lies inside.
 */
import { z } from 'zod';
import type { Disposable } from './ports.js';

/** Bytes in pieces, of any length, never in memory as a whole. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** What a call carries beside its parameters. */
export interface ByteBody {
  readonly bytes: ByteStream;
  /** How many there will be, where the sender said so: what is too large is refused before it is sent. */
  readonly size?: number;
  /** What the sender calls it, without folders; where that is not known, a name that its content type suggests. */
  readonly name?: string;
}

/** The answer of an operation that streams. Who got it reads what it wants of it and disposes it. */
export interface ByteAnswer extends Disposable {
  /** What a program that saves it would call it; any text without `/`. */
  readonly name: string;
  /** All of it, in bytes. */
  readonly size: number;
  readonly content_type: string;
  /** ISO 8601 UTC. */
  readonly modified_at: string;
  /** Changes when the content does. */
  readonly tag: string;
  /** The bytes from `start` up to `end`. @throws conflict when the content was cut off meanwhile */
  bytes(start: number, end: number): ByteStream;
}

export const byteAnswerSchema = z.custom<ByteAnswer>(isByteAnswer, 'not a stream of bytes');

export function isByteAnswer(value: unknown): value is ByteAnswer {
  return typeof value === 'object' && value !== null && 'bytes' in value && typeof value.bytes === 'function';
}

export const fileKindSchema = z.enum(['file', 'directory', 'link', 'other']);

export const fileEntrySchema = z.object({
  /** From the workspace on. */
  path: z.string(),
  name: z.string(),
  /** A link is told as a link, whatever it points to; `other` is a socket, a pipe or a device. */
  kind: fileKindSchema,
  /** Bytes of a file, else null. */
  size: z.number().int().nullable(),
  modified_at: z.string(),
});
export type WorkspaceFileEntry = z.infer<typeof fileEntrySchema>;

export const fileListSchema = z.object({
  /** What was listed, `.` for the workspace itself. */
  root: z.string(),
  /** The workspace as the session's own code sees it: an absolute path. */
  workspace: z.string(),
  /** Sorted by path. */
  files: z.array(fileEntrySchema),
  /** False when there are more than one answer holds. */
  complete: z.boolean(),
  /** The same, drawn as text. */
  tree: z.string().optional(),
});
export type FileList = z.infer<typeof fileListSchema>;

export const fileContentSchema = z.object({
  path: z.string(),
  /** Bytes of the whole file. */
  size: z.number().int(),
  modified_at: z.string(),
  offset: z.number().int(),
  /** Where to go on reading; null at the end of the file. */
  next_offset: z.number().int().nullable(),
  /** True when these bytes are no UTF-8: then there is `base64` instead of `text`. */
  binary: z.boolean(),
  encoding: z.enum(['utf-8', 'base64']),
  text: z.string().optional(),
  base64: z.string().optional(),
});
export type FileContent = z.infer<typeof fileContentSchema>;

export const writtenFileSchema = z.object({
  path: z.string(),
  size: z.number().int(),
  /** False when another file was replaced. */
  created: z.boolean(),
});
export type WrittenFile = z.infer<typeof writtenFileSchema>;

export const deletedFileSchema = z.object({
  path: z.string(),
  kind: fileKindSchema,
  deleted: z.literal(true),
});
export type DeletedFile = z.infer<typeof deletedFileSchema>;

/** A body that lies ready to take its place in the workspace. */
export interface ReceivedFile {
  /** Of all of its bytes, in hex. */
  readonly sha256: string;
  readonly size: number;
  /** To be called in any case, once it has its place or will not get one. */
  release(): Promise<void>;
}

/** What a session's files need beside its mailbox. */
export interface ISessionFiles {
  /** The path as the session's own code sees it. */
  absolute(path: string): Promise<string>;
  /**
   * The path as the journal keeps it: relative, so that it holds wherever the data directory lies.
   * @throws invalid_params
   */
  relative(path: string): Promise<string>;
  /**
   * Takes a body in, outside of the workspace. @throws limit_exceeded as soon as it is too large for `path`
   */
  receive(path: string, body: ByteBody): Promise<ReceivedFile>;
}
