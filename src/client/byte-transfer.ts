/** Bytes on their way over `fetch`, and how a part of a file is asked for. Only web standards: it runs in browsers. */
import type { ByteSource, DownloadedFile } from '../types/client.js';
import { SojournError } from '../types/errors.js';
import type { ByteStream } from '../types/files.js';

export interface ByteRange {
  start?: number;
  end?: number;
}

/** A source that can be sent again. */
export const isWhole = (source: ByteSource): source is Uint8Array => source instanceof Uint8Array;

export async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (isWhole(source)) yield source;
  else yield* source;
}

/** A body for `fetch`, and what went wrong with the source: `fetch` itself says only that there was no answer. */
export class RequestBody {
  failure: unknown;

  constructor(private readonly source: ByteSource) {}

  get init(): { body: NonNullable<RequestInit['body']>; duplex: 'half' } {
    const { source } = this;
    return { body: isWhole(source) ? source : this.stream(source), duplex: 'half' };
  }

  private stream(source: ByteStream): ReadableStream<Uint8Array> {
    const pieces = source[Symbol.asyncIterator]();
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const step = await pieces.next();
          if (step.done === true) controller.close();
          else controller.enqueue(step.value);
        } catch (error) {
          this.failure = error;
          controller.error(error);
        }
      },
      cancel: async () => {
        await pieces.return?.();
      },
    });
  }
}

/** @throws invalid_params for a range that is none */
export function rangeHeader({ start = 0, end }: ByteRange): Record<string, string> {
  if (!Number.isSafeInteger(start) || start < 0 || (end !== undefined && !(end > start)))
    throw new SojournError(
      'invalid_params',
      'start and end: they must be whole numbers, and end after start.',
    );
  if (start === 0 && end === undefined) return {};
  return { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` };
}

export const noSuchForm = (operation: string, type: string) =>
  new SojournError('not_supported', `'${operation}' has no answer in the form ${type}.`, { operation });

export function downloaded(response: Response): DownloadedFile {
  const { headers, body } = response;
  const whole = /\/(\d+)$/.exec(headers.get('Content-Range') ?? '')?.[1] ?? headers.get('Content-Length');
  const reading = body?.getReader();
  return {
    size: Number(whole ?? 0),
    contentType: headers.get('Content-Type') ?? 'application/octet-stream',
    modifiedAt: new Date(headers.get('Last-Modified') ?? 0).toISOString(),
    bytes: piecesRead(reading),
    dispose: () => reading?.cancel(),
  };
}

/** The body of an answer, as it comes. */
export const received = ({ body }: Response): ByteStream => piecesRead(body?.getReader());

async function* piecesRead(
  reading: ReadableStreamDefaultReader<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for (let step = await reading?.read(); step && !step.done; step = await reading?.read()) yield step.value;
  } finally {
    await reading?.cancel();
  }
}
