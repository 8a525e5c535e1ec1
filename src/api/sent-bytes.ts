/** Which requests carry bytes beside their parameters, as a form or as the body itself, and what these are called. */
import type { Request } from 'express';
import type { ByteBody } from '../types/files.js';
import type { Operation } from '../types/operation.js';
import type { Disposable } from '../types/ports.js';
import { isForm, readForm } from './form-body.js';

export interface SentBytes extends Disposable {
  /** What a form says beside its file. */
  readonly fields: Readonly<Record<string, string>>;
  /** As the sender of a form called its file. */
  readonly fileName?: string;
  readonly body: ByteBody;
}

/** Types that programs put there by themselves say nothing of a body: it is read as JSON. */
const saysNothing = /^(application\/x-www-form-urlencoded|text\/plain)\b/i;
const isJson = /^[\w.+-]+\/([\w.+-]+\+)?json\b/i;

/** An operation that takes both knows them by the content type. */
export function carriesBytes({ stream }: Operation, request: Request): boolean {
  if (stream !== 'optional-body') return stream === 'body';
  const type = request.get('Content-Type');
  if (type === undefined || request.method === 'GET' || request.method === 'HEAD') return false;
  return !isJson.test(type) && !saysNothing.test(type);
}

/** To be disposed, also when its bytes were not read. @throws invalid_params */
export async function sentBytes(request: Request, body: ByteBody): Promise<SentBytes> {
  if (!isForm(request)) {
    const name = nameInHeader(request) ?? nameByType(request);
    const dispose = () => undefined;
    return { fields: {}, body: { ...body, ...(name === undefined ? {} : { name }) }, dispose };
  }
  const form = await readForm(request, body.bytes);
  const { fields, fileName, bytes } = form;
  return {
    fields,
    ...(fileName === undefined ? {} : { fileName }),
    body: { bytes, ...(fileName === undefined || fileName === '' ? {} : { name: fileName }) },
    dispose: () => form.dispose(),
  };
}

function nameInHeader(request: Request): string | undefined {
  const header = request.get('Content-Disposition') ?? '';
  const encoded = /;\s*filename\*=UTF-8''([^;\s]+)/i.exec(header)?.[1];
  const plain = /;\s*filename="([^"]+)"/i.exec(header)?.[1];
  const name = (encoded === undefined ? plain : decoded(encoded))?.split(/[/\\]/).at(-1);
  return name === '' ? undefined : name;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const endings: Readonly<Record<string, string>> = {
  'application/vnd.apache.parquet': 'parquet',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/jsonl': 'jsonl',
  'application/x-bibtex': 'bib',
  'application/x-ndjson': 'jsonl',
  'application/yaml': 'yaml',
  'text/csv': 'csv',
  'text/markdown': 'md',
  'text/tab-separated-values': 'tsv',
  'text/yaml': 'yaml',
};

function nameByType(request: Request): string | undefined {
  const type = (request.get('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const ending = endings[type];
  return ending === undefined ? undefined : `body.${ending}`;
}
