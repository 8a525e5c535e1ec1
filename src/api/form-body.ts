/**
 * A file that comes as a form, as web pages and many HTTP libraries send it: the fields before the file are parameters,
 * the file itself is passed on as it comes and never held as a whole.
 */
import { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { BusboyFileStream, BusboyInstance } from '@fastify/busboy';
import type { Request } from 'express';
import { SojournError } from '../types/errors.js';
import type { ByteStream } from '../types/files.js';
import type { Disposable } from '../types/ports.js';

const fieldsMax = 20;
const limits = {
  fields: fieldsMax,
  files: 1,
  parts: fieldsMax + 1,
  fieldSize: 8192,
  headerPairs: 20,
  headerSize: 16_384,
};

export interface FormBody extends Disposable {
  readonly fields: Readonly<Record<string, string>>;
  /** As its sender called it, without folders. */
  readonly fileName: string | undefined;
  readonly bytes: ByteStream;
}

/** A PUT stores its body as it is, whatever it is. */
export const isForm = (request: Request): boolean =>
  request.method === 'POST' && /^multipart\/form-data\b/i.test(request.get('Content-Type') ?? '');

/**
 * Resolves when the file begins. Who got the form disposes it, also when its bytes were not read.
 * @throws invalid_params for what is no form with one file, fields before it; its bytes throw that too, at their end
 */
export function readForm(request: Request, body: ByteStream): Promise<FormBody> {
  return new FormReader(parserOf(request.get('Content-Type') ?? ''), body).start();
}

class FormReader {
  private readonly source: Readable;
  private readonly fields: Record<string, string> = {};
  private file: BusboyFileStream | null = null;
  private begun: (form: FormBody) => void = () => undefined;
  private ended: () => void = () => undefined;
  private failed: (error: Error) => void = () => undefined;

  constructor(
    private readonly parser: BusboyInstance,
    body: ByteStream,
  ) {
    this.source = Readable.from(body, { objectMode: false });
  }

  start(): Promise<FormBody> {
    const { parser, source } = this;
    const begun = new Promise<FormBody>((resolve, reject) => {
      this.begun = resolve;
      this.failed = reject;
    });
    source.on('error', (error) => this.fail(error));
    parser.on('error', (error) => this.fail(malformed(error)));
    parser.on('field', (name, value, _nameCut, isCut) => this.field(name, value, isCut));
    parser.on('file', (_field, stream, fileName) => this.begin(stream, fileName));
    for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
      parser.on(event, () => this.fail(wrong(`it has more than one file, or more than ${fieldsMax} fields`)));
    }
    parser.on('finish', () => {
      if (this.file) this.ended();
      else this.fail(wrong('it has no file'));
    });
    source.pipe(parser);
    return begun;
  }

  private field(name: string, value: string, isCut: boolean): void {
    if (this.file) this.fail(wrong('its fields must stand before the file'));
    else if (isCut) this.fail(wrong(`a field has more than ${limits.fieldSize} bytes`));
    else if (Object.hasOwn(this.fields, name)) this.fail(wrong(`the field ${name} stands there twice`));
    else Object.defineProperty(this.fields, name, { value, enumerable: true });
  }

  private begin(file: BusboyFileStream, fileName: string | undefined): void {
    this.file = file;
    const ended = new Promise<void>((resolve, reject) => {
      this.ended = resolve;
      this.failed = reject;
    });
    // Whoever reads the bytes has it; nobody may.
    ended.catch(() => undefined);
    file.on('error', (error) => this.fail(malformed(error)));
    const dispose = () => void this.source.destroy();
    this.begun({ fields: this.fields, fileName, bytes: bytesOf(file, ended), dispose });
  }

  private fail(error: Error): void {
    this.failed(error);
    this.source.unpipe(this.parser);
    this.source.destroy();
    this.file?.destroy(error);
  }
}

/** What stands behind the file decides whether it counts. */
async function* bytesOf(file: BusboyFileStream, ended: Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of file) yield piece as Uint8Array;
  } catch (error) {
    throw malformed(error);
  }
  await ended;
}

function parserOf(contentType: string): BusboyInstance {
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits });
  } catch (cause) {
    throw malformed(cause);
  }
}

const wrong = (why: string, options?: { cause: unknown }) =>
  new SojournError('invalid_params', `The form cannot be taken: ${why}.`, {}, options);

/** Our own errors pass through. */
function malformed(cause: unknown): Error {
  if (cause instanceof SojournError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return wrong(`it is malformed (${message})`, { cause });
}
