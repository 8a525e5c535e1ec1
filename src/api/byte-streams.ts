/**
 * Bytes over HTTP: bodies that are taken in as they come, and answers that are sent as they are read, whole or by
 * range. What is sent is always to be saved, never to be shown: it may be a page that somebody's code has made.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { SojournError } from '../types/errors.js';
import type { ByteAnswer, ByteBody, ByteStream } from '../types/files.js';
import type { IClock } from '../types/ports.js';

/** How long a sender may be silent. */
const silenceMs = 120_000;

/** @throws invalid_params for a body that is not the bytes themselves · closed when the sender goes away */
export function byteBody(request: Request, clock: IClock): ByteBody {
  const encoding = request.get('Content-Encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new SojournError(
      'invalid_params',
      `The body is stored as it is; it must not have a Content-Encoding.`,
    );
  }
  const length = request.get('Content-Length');
  return { bytes: piecesOf(request, clock), ...(length === undefined ? {} : { size: Number(length) }) };
}

async function* piecesOf(request: Request, clock: IClock): AsyncGenerator<Uint8Array> {
  const silent = () => clock.setTimer(silenceMs, () => request.destroy());
  let timer = silent();
  try {
    // Left open when it is not read to its end: the answer that says why goes the same way.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      timer.cancel();
      yield piece as Uint8Array;
      timer = silent();
    }
  } catch (cause) {
    if (!isGone(cause)) throw cause;
    throw new SojournError(
      'closed',
      'The connection was closed before the body was complete.',
      {},
      { cause },
    );
  } finally {
    timer.cancel();
  }
}

/** Resolves when all is sent, or nobody is there any more to send it to. @throws range_not_satisfiable */
export async function sendBytes(answer: ByteAnswer, request: Request, response: Response): Promise<void> {
  const range = wantedRange(answer, request, response);
  const { start, end } = range ?? { start: 0, end: answer.size };
  const headers = {
    'Accept-Ranges': 'bytes',
    // Compressed, neither the length nor a range would be true.
    'Cache-Control': 'no-store, no-transform',
    'Content-Disposition': disposition(answer.name),
    'Content-Length': String(end - start),
    'Content-Type': answer.content_type,
    ETag: `"${answer.tag}"`,
    'Last-Modified': new Date(answer.modified_at).toUTCString(),
  };
  // Set one by one: a charset of its own guessing is added to none.
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (range) response.status(206).set('Content-Range', `bytes ${start}-${end - 1}/${answer.size}`);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  try {
    await pipeline(Readable.from(answer.bytes(start, end), { objectMode: false }), response);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Sends what is made while it is sent, as fast as it is taken. What fails before the first piece is still an answer;
 * later it can only be cut off.
 */
export async function sendPieces(bytes: ByteStream, response: Response): Promise<void> {
  const pieces = bytes[Symbol.asyncIterator]();
  const first = await pieces.next();
  try {
    await pipeline(Readable.from(allOf(first, pieces), { objectMode: false }), response);
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    // Not by the stream: it may be cut off before anything of it was read.
    await pieces.return?.();
  }
}

async function* allOf(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let step = first; step.done !== true; step = await pieces.next()) yield step.value;
}

/** Null for all of it: no range was asked for, several were, or one of another version. */
function wantedRange(answer: ByteAnswer, request: Request, response: Response) {
  const version = request.get('If-Range') ?? `"${answer.tag}"`;
  if (request.method !== 'GET' || version !== `"${answer.tag}"`) return null;
  const { size } = answer;
  const range = parseRange(request.get('Range') ?? '', size);
  if (range === null || range.start < range.end) return range;
  response.set('Content-Range', `bytes */${size}`);
  const detail = `The range lies outside of the ${size} bytes that there are.`;
  throw new SojournError('range_not_satisfiable', detail, { size });
}

/** `bytes=0-9`, `bytes=10-` or `bytes=-5`; null for anything else, which is then not heeded. */
function parseRange(header: string, size: number): { start: number; end: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '' && last === '') return null;
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size };
  if (last === '') return { start: Number(first), end: size };
  return Number(last) < Number(first)
    ? null
    : { start: Number(first), end: Math.min(size, Number(last) + 1) };
}

/** The name in ASCII for old programs, and as it is. */
function disposition(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const full = encodeURIComponent(name.replaceAll(/\p{Surrogate}/gu, '_')).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}

const goneCodes = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && goneCodes.has(String(error.code));
