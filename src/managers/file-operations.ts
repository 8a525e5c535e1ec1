/**
 * What can be asked of the files of a session, of every kind. Reading goes beside the session's work; writing takes
 * its turn, is journaled and kept like every other write.
 */
import { z } from 'zod';
import { decode } from '../core/file-operations.js';
import { fileShapes } from '../core/file-shapes.js';
import { SojournError } from '../types/errors.js';
import type { ByteBody, ByteStream } from '../types/files.js';
import { isByteAnswer } from '../types/files.js';
import { defineSessionOperation, turnKeys } from '../types/operation.js';
import type { Operation, SessionCall } from '../types/operation.js';
import { writeReceiptSchema } from '../types/session.js';

/** A larger file is kept by a checkpoint instead of the journal. */
const journaledBytesMax = 256 * 1024;

const filePath = '/sessions/:id/files/*path';

const writtenAnswer = fileShapes.write.result
  .extend({ full_path: z.string().describe("As the session's own code sees it.") })
  .extend(writeReceiptSchema.shape);
type WrittenAnswer = z.infer<typeof writtenAnswer>;

// None takes wait_s: what was sent is let go when the call ends, nothing could go on without its caller.
export function fileOperations(): Operation[] {
  return [...readingOperations(), ...writingOperations()];
}

function readingOperations(): Operation[] {
  return [
    defineSessionOperation({
      ...fileShapes.list,
      http: [{ method: 'GET', path: '/sessions/:id/files' }],
      handle: async (params, call) => fileShapes.list.result.parse(await read('list_files', params, call)),
    }),
    defineSessionOperation({
      ...fileShapes.read,
      handle: async (params, call) => fileShapes.read.result.parse(await read('read_file', params, call)),
    }),
    defineSessionOperation({
      ...fileShapes.download,
      stream: 'answer',
      http: [{ method: 'GET', path: filePath }],
      handle: async (params, call) => {
        const answer = await read('download_file', params, call);
        if (!isByteAnswer(answer)) throw new Error('download_file answered no bytes');
        return answer;
      },
    }),
  ];
}

function writingOperations(): Operation[] {
  return [
    defineSessionOperation({
      ...fileShapes.write,
      takes: turnKeys,
      result: writtenAnswer,
      answersOnce: true,
      handle: ({ path, content, encoding }, call) => writeText(path, content, encoding, call),
    }),
    defineSessionOperation({
      name: 'save_script',
      access: 'write',
      takes: turnKeys,
      summary: 'Writes scripts/NAME.py.',
      params: z.strictObject({
        name: z.string().min(1).describe('.py is added when it is missing.'),
        content: z.string(),
      }),
      result: writtenAnswer,
      answersOnce: true,
      handle: ({ name, content }, call) =>
        writeText(`scripts/${name.endsWith('.py') ? name : `${name}.py`}`, content, 'utf-8', call),
    }),
    defineSessionOperation({
      ...fileShapes.upload,
      takes: turnKeys,
      stream: 'body',
      fileNameParam: 'path',
      result: writtenAnswer,
      answersOnce: true,
      http: [
        { method: 'PUT', path: filePath },
        { method: 'POST', path: '/sessions/:id/files' },
      ],
      handle: ({ path }, call) => upload(path, call.body, call),
    }),
    defineSessionOperation({
      ...fileShapes.delete,
      takes: turnKeys,
      result: fileShapes.delete.result.extend(writeReceiptSchema.shape),
      answersOnce: true,
      http: [{ method: 'DELETE', path: filePath }],
      handle: async ({ path, recursive }, call) => {
        const answer = await call.use(async (session) => {
          const params = { path: await session.files.relative(path), recursive };
          return session.performWrite('delete_file', { ...params, ...keptBy(session.replays) }, call);
        });
        return fileShapes.delete.result.extend(writeReceiptSchema.shape).parse(answer);
      },
    }),
  ];
}

const read = (operation: string, params: Record<string, unknown>, call: SessionCall): Promise<unknown> =>
  call.use((session) => session.performRead(operation, params, call.signal));

/** What recovery does not run again is kept by a checkpoint. */
const keptBy = (replays: boolean) => (replays ? {} : { replay: false });

/** @throws invalid_params for what is no base64 · limit_exceeded */
async function writeText(
  path: string,
  content: string,
  encoding: 'utf-8' | 'base64',
  call: SessionCall,
): Promise<WrittenAnswer> {
  const bytes = decode(content, encoding);
  if (bytes.length > journaledBytesMax)
    return writeLarge(path, { bytes: once(bytes), size: bytes.length }, call);
  return writeSmall(path, { content, encoding }, call);
}

async function upload(path: string, body: ByteBody | undefined, call: SessionCall): Promise<WrittenAnswer> {
  // Before anything is read: who may not use the session is told so at once.
  await call.use((session) => session.wake());
  if (!body)
    throw new SojournError('invalid_params', 'The bytes are missing; write_file takes them as text.');
  const { start, rest } = await startOf(body.bytes);
  if (rest)
    return writeLarge(path, { ...body, bytes: both(start, rest) }, call).finally(() => rest.return?.());
  return writeSmall(path, { content: start.toString('base64'), encoding: 'base64' }, call);
}

/** The journal holds the content. */
function writeSmall(
  path: string,
  content: { content: string; encoding: 'utf-8' | 'base64' },
  call: SessionCall,
): Promise<WrittenAnswer> {
  return call.use(async (session) => {
    const params = { path: await session.files.relative(path), ...content, ...keptBy(session.replays) };
    const answer = await session.performWrite('write_file', params, call);
    return withFullPath(answer, (inner) => session.files.absolute(inner));
  });
}

/** A checkpoint that is taken before the answer holds the content. */
async function writeLarge(path: string, body: ByteBody, call: SessionCall): Promise<WrittenAnswer> {
  // Taken in apart from the write itself: a body can be read once, and the session may go to sleep meanwhile.
  const received = await call.use(async (session) => {
    await session.wake();
    return session.files.receive(path, body);
  });
  try {
    return await call.use(async (session) => {
      const { sha256, size } = received;
      const params = { path: await session.files.relative(path), size, sha256, replay: false };
      const answer = await session.performWrite('upload_file', params, call);
      return withFullPath(answer, (inner) => session.files.absolute(inner));
    });
  } finally {
    await received.release();
  }
}

/** All of a small body, or the start of a larger one and what is left of it. */
async function startOf(bytes: ByteStream): Promise<{ start: Buffer; rest?: AsyncIterator<Uint8Array> }> {
  const rest = bytes[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let step = await rest.next(); step.done !== true; step = await rest.next()) {
    pieces.push(step.value);
    size += step.value.length;
    if (size > journaledBytesMax) return { start: Buffer.concat(pieces), rest };
  }
  return { start: Buffer.concat(pieces) };
}

async function* both(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start;
  for (let step = await rest.next(); step.done !== true; step = await rest.next()) yield step.value;
}

async function withFullPath(
  answer: unknown,
  absolute: (path: string) => Promise<string>,
): Promise<WrittenAnswer> {
  const written = writtenAnswer.omit({ full_path: true }).parse(answer);
  return { ...written, full_path: await absolute(written.path) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
