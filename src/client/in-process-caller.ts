/** Calls operations in the same process: the catalogue without a wire. */
import type {
  ByteSource,
  DownloadedFile,
  EventsOptions,
  ICaller,
  UploadOptions,
  WriteCallOptions,
} from '../types/client.js';
import type { SessionEvent } from '../types/events.js';
import { isByteAnswer } from '../types/files.js';
import type { ByteAnswer, ByteBody, ByteStream } from '../types/files.js';
import { SojournError } from '../types/errors.js';
import { mediaContent, withTextForBytes } from '../types/media.js';
import type { ICatalogue, Principal } from '../types/operation.js';
import type { IIds } from '../types/ports.js';
import { isWhole, noSuchForm, piecesOf, rangeHeader } from './byte-transfer.js';
import type { ByteRange } from './byte-transfer.js';
import { snakeize } from './casing.js';
import { streamEvents } from './event-stream.js';

export class InProcessCaller implements ICaller {
  private readonly closing = new AbortController();

  /**
   * @param close what closing the client closes with it
   * @param clientId names this client where leases are held
   */
  constructor(
    private readonly catalogue: ICatalogue,
    private readonly principal: Principal,
    private readonly ids: IIds,
    private readonly close: () => Promise<void>,
    private readonly clientId?: string,
  ) {}

  async call(
    operation: string,
    params: Record<string, unknown>,
    options: WriteCallOptions = {},
  ): Promise<unknown> {
    const answer = await this.send(operation, params, options);
    const media = this.catalogue.find(operation)?.media;
    return media ? withTextForBytes(answer, media) : answer;
  }

  async media(operation: string, params: Record<string, unknown>, type: string): Promise<ByteStream> {
    const { media } = this.catalogue.get(operation);
    if (media?.type !== type) throw noSuchForm(operation, type);
    const content = mediaContent(await this.send(operation, { ...params, ...media.params }, {}), media);
    return piecesOf(content);
  }

  upload(
    operation: string,
    params: Record<string, unknown>,
    source: ByteSource,
    options: UploadOptions = {},
  ): Promise<unknown> {
    const { fileName, ...write } = options;
    const size = isWhole(source) ? { size: source.length } : {};
    const name = fileName === undefined ? {} : { name: fileName };
    return this.send(operation, params, write, { bytes: piecesOf(source), ...size, ...name });
  }

  async download(
    operation: string,
    params: Record<string, unknown>,
    range: ByteRange,
  ): Promise<DownloadedFile> {
    const isPart = 'Range' in rangeHeader(range);
    const answer = await this.send(operation, params, {});
    if (!isByteAnswer(answer)) throw new Error(`${operation} answered no bytes`);
    const { size, content_type: contentType, modified_at: modifiedAt } = answer;
    const { start = 0, end = size } = range;
    if (isPart && start >= size) {
      await answer.dispose();
      const detail = `The range lies outside of the ${size} bytes that there are.`;
      throw new SojournError('range_not_satisfiable', detail, { size });
    }
    const bytes = readOnce(answer, start, Math.min(end, size));
    return { size, contentType, modifiedAt, bytes, dispose: () => answer.dispose() };
  }

  private send(
    operation: string,
    params: Record<string, unknown>,
    options: WriteCallOptions,
    body?: ByteBody,
  ): Promise<unknown> {
    const { signal, ...write } = options;
    const context = {
      principal: this.principal,
      request_id: this.ids.uid(),
      ...(this.clientId === undefined ? {} : { client_id: this.clientId }),
      ...(signal ? { signal } : {}),
      ...(body ? { body } : {}),
    };
    return this.catalogue.call(operation, { ...params, ...snakeize(write) }, context);
  }

  events(sessionId: string, options: EventsOptions): AsyncIterable<SessionEvent> {
    const call = (operation: string, params: Record<string, unknown>, write: WriteCallOptions) =>
      this.call(operation, params, write);
    return streamEvents(call, sessionId, { ...options, closed: this.closing.signal });
  }

  async dispose(): Promise<void> {
    this.closing.abort();
    await this.close();
  }
}

async function* readOnce(answer: ByteAnswer, start: number, end: number): AsyncGenerator<Uint8Array> {
  try {
    yield* answer.bytes(start, end);
  } finally {
    await answer.dispose();
  }
}
