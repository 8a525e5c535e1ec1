/** What can be read and written without a session: whole tables, and single fields of interface files and talks. */
import { z } from 'zod';
import { defineServerOperation } from '../../../types/operation.js';
import type { ServerOperation } from '../../../types/operation.js';
import { readData, readInterfaceField, talkField } from '../load/interface-field.js';
import type { LoadContext } from '../load/loaded.js';
import { writeData } from '../load/write-data.js';
import { cell } from './params.js';

/** Lends a place to load in, which is gone with the answer. */
export type AtPlace = <T>(
  signal: AbortSignal | undefined,
  work: (context: LoadContext) => Promise<T>,
) => Promise<T>;

const path = z.string().max(4096);
const record = z.record(z.string(), cell);

export function dataServerOperations(atPlace: AtPlace): readonly ServerOperation[] {
  return [
    defineServerOperation({
      name: 'read_data',
      access: 'read',
      summary: 'Reads a whole table at once: the input of an interface file, or one source.',
      params: z.strictObject({
        interface_file: path.optional(),
        directory: path.optional(),
        interface_field: z.string().max(200).optional(),
        data_source: record.optional(),
      }),
      result: z.object({
        records: z.array(record),
        columns: z.array(z.string()),
        shape: z.array(z.number().int()),
        dtypes: z.record(z.string(), z.string()),
      }),
      http: [{ method: 'POST', path: '/read_data' }],
      handle: async (params, { signal }) => {
        const { shape, columns, ...read } = await atPlace(signal, (place) => readData(params, place));
        return { ...read, shape: [...shape], columns: [...columns] };
      },
    }),
    defineServerOperation({
      name: 'write_data',
      access: 'admin',
      summary: 'Writes records into a file below the data roots.',
      params: z.strictObject({
        data: z.object({ records: z.array(record), columns: z.array(z.string()).optional() }).optional(),
        output: record.optional(),
      }),
      result: z.object({ written: z.number().int() }),
      http: [{ method: 'POST', path: '/write_data' }],
      handle: async (params, { signal }) => ({
        written: await atPlace(signal, (place) => writeData(params, place)),
      }),
    }),
    defineServerOperation({
      name: 'read_interface_field',
      access: 'read',
      summary: 'A top-level field of an interface file, with what it inherits; null when there is none.',
      params: z.strictObject({
        interface_file: path,
        field: z.string().max(200),
        directory: path.optional(),
      }),
      result: z.object({ value: cell }),
      http: [{ method: 'POST', path: '/interface/read' }],
      handle: async ({ field, ...file }, { signal }) => ({
        value: await atPlace(signal, (place) => readInterfaceField(file, field, place)),
      }),
    }),
    defineServerOperation({
      name: 'talk_field',
      access: 'read',
      summary: 'A field of the front matter of a talk, or of the first configuration file that exists.',
      params: z.strictObject({
        field: z.string().max(200),
        markdown_file: path,
        config_files: z.array(path).max(100).optional(),
      }),
      result: z.object({ value: cell }),
      http: [{ method: 'POST', path: '/talk/field' }],
      handle: async (params, { signal }) => ({
        value: await atPlace(signal, (place) => talkField(params, place)),
      }),
    }),
  ];
}
