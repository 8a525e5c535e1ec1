/**
 * The operations on a session's files, as operations of its engine: so they take their turn among the session's
 * writes, are journaled and run again like all others. A small file is kept by the journal, which holds its content.
 * What the journal does not hold, or would not run again, is kept by a checkpoint that is taken before the answer.
 */
import { z } from 'zod';
import { defineEngineOperation } from '../types/engine.js';
import type { EngineDefinition, EngineOperation, RunContext } from '../types/engine.js';
import { SojournError } from '../types/errors.js';
import type { FileOwner, IFiles } from '../types/ports.js';
import { FileListing } from './file-listing.js';
import { fileShapes } from './file-shapes.js';
import type { FileStaging } from './file-staging.js';
import type { SessionFiles } from './session-files.js';

export interface FileServices {
  readonly session: SessionFiles;
  readonly staging: FileStaging;
  readonly files: IFiles;
  /** Takes a checkpoint now, in the turn of the input with this seq, and with its effect in it. */
  readonly keep: (inputSeq: number) => Promise<void>;
}

const replay = z.literal(false).optional();

/** As it stands in the journal: the bytes are in the checkpoint that is taken with it. */
const uploadedSchema = fileShapes.upload.params.extend({
  size: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  replay,
});

/** The engine's definition with the operations on the files of one session. */
export function withFileOperations(definition: EngineDefinition, services: FileServices): EngineDefinition {
  const own = definition.operations ?? [];
  return { ...definition, operations: [...own, ...reading(services), ...writing(services)] };
}

function reading({ session, files }: FileServices): EngineOperation[] {
  const listing = new FileListing(session, files);
  return [
    defineEngineOperation({
      ...fileShapes.list,
      run: (_engine, params) => listing.list(params),
    }),
    defineEngineOperation({
      ...fileShapes.read,
      run: (_engine, { path, offset, max_bytes }) => session.read(path, offset, max_bytes ?? undefined),
    }),
    defineEngineOperation({
      ...fileShapes.download,
      run: (_engine, { path }) => session.open(path),
    }),
  ];
}

function writing({ session, staging, keep }: FileServices): EngineOperation[] {
  const idempotent = true;
  const kept = async <T>(params: { replay?: false }, context: RunContext, work: Promise<T>): Promise<T> => {
    const answer = await work;
    if (params.replay === false) await keep(context.inputSeq);
    return answer;
  };
  return [
    defineEngineOperation({
      ...fileShapes.write,
      params: fileShapes.write.params.extend({ replay }),
      idempotent,
      run: (_engine, params, context) => {
        const bytes = decode(params.content, params.encoding);
        const source = (owner?: FileOwner) => staging.write(once(bytes), owner);
        const again = context.replay === true;
        return kept(params, context, session.put({ path: params.path, size: bytes.length, again, source }));
      },
    }),
    defineEngineOperation({
      ...fileShapes.upload,
      params: uploadedSchema,
      idempotent,
      run: (_engine, params, context) => {
        const { path, size, sha256 } = params;
        const source = () => received(staging, sha256, path);
        return kept(params, context, session.put({ path, size, again: false, source }));
      },
    }),
    defineEngineOperation({
      ...fileShapes.delete,
      params: fileShapes.delete.params.extend({ replay }),
      idempotent,
      run: (_engine, params, context) => kept(params, context, session.remove(params.path, params.recursive)),
    }),
  ];
}

function received(staging: FileStaging, sha256: string, path: string): Promise<string> {
  const found = staging.take(sha256);
  if (found !== undefined) return Promise.resolve(found);
  return Promise.reject(new SojournError('file_not_found', `What was sent for '${path}' is gone.`, { path }));
}

/** @throws invalid_params for what is no base64 */
export function decode(content: string, encoding: 'utf-8' | 'base64'): Buffer {
  if (encoding === 'utf-8') return Buffer.from(content, 'utf8');
  const plain = content.replaceAll(/[\r\n]/g, '');
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain))
    throw new SojournError('invalid_params', 'content: it is not valid base64.', {
      reason: 'invalid_base64',
    });
  return Buffer.from(plain, 'base64');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
