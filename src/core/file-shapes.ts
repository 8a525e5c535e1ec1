/** What the operations on files take and answer: the catalogue and the journal speak of the same. */
import { z } from 'zod';
import {
  byteAnswerSchema,
  deletedFileSchema,
  fileContentSchema,
  fileListSchema,
  writtenFileSchema,
} from '../types/files.js';

const path = z.string().describe('In the workspace, relative or absolute.');
const count = z.number().int().min(0);

export const fileShapes = {
  list: {
    name: 'list_files',
    access: 'read',
    summary: 'The files of the workspace, as a list and with tree as drawn text too.',
    params: z.strictObject({
      path: path.default('').describe('A folder of the workspace; its top when left out.'),
      recursive: z.boolean().default(false).describe('Folders in the folder too.'),
      tree: z.boolean().default(false).describe('Draws folders in the folder too, as text.'),
      max_depth: count.min(1).nullable().default(3).describe('With recursive or tree; null = all.'),
      include_files: z.boolean().default(true),
      include_dirs: z.boolean().default(true),
    }),
    result: fileListSchema,
  },
  read: {
    name: 'read_file',
    access: 'read',
    summary: 'The content of a file, as text or, where it is no UTF-8, as base64.',
    params: z.strictObject({
      path,
      max_bytes: count.nullish().describe('All of it when left out.'),
      offset: count.default(0).describe('The first byte.'),
    }),
    result: fileContentSchema,
  },
  download: {
    name: 'download_file',
    access: 'read',
    summary: 'A file as a stream of bytes; over HTTP with ranges.',
    params: z.strictObject({ path }),
    result: byteAnswerSchema,
  },
  write: {
    name: 'write_file',
    access: 'write',
    summary: 'Writes a file, whole or not at all; missing folders are made.',
    params: z.strictObject({
      path,
      content: z.string(),
      encoding: z.enum(['utf-8', 'base64']).default('utf-8').describe('What content is.'),
    }),
    result: writtenFileSchema,
  },
  upload: {
    name: 'upload_file',
    access: 'write',
    summary: 'Writes a file from a stream of bytes, whole or not at all; missing folders are made.',
    params: z.strictObject({ path }),
    result: writtenFileSchema,
  },
  delete: {
    name: 'delete_file',
    access: 'write',
    summary: 'Removes a file or an empty folder.',
    params: z.strictObject({
      path,
      recursive: z.boolean().default(false).describe('A folder with all that is in it.'),
    }),
    result: deletedFileSchema,
  },
} as const;
