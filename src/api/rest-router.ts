/**
 * REST as a projection of the catalogue: every session operation is POST /api/sessions/:id/NAME, reads answer GET
 * too, and each operation's own aliases are added. No operation is known here by name.
 */
import { Router } from 'express';
import { z } from 'zod';
import type { Request, Response } from 'express';
import { errors, SojournError } from '../types/errors.js';
import { isByteAnswer } from '../types/files.js';
import type { ByteBody } from '../types/files.js';
import { writeOptionsSchema } from '../types/operation.js';
import type {
  CallContext,
  HttpAlias,
  ICatalogue,
  MediaForm,
  Operation,
  Principal,
  Wire,
} from '../types/operation.js';
import { sessionIdRule } from '../types/session.js';
import { isByteStream, mediaContent, withTextForBytes } from '../types/media.js';
import { sendBytes, sendPieces } from './byte-streams.js';
import { carriesBytes, sentBytes } from './sent-bytes.js';
import type { SentBytes } from './sent-bytes.js';

/** What earlier handlers have found out about a request. */
export interface RequestFacts {
  readonly requestId: string;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly wire: Wire;
}

export interface RestOptions {
  readonly catalogue: ICatalogue;
  facts(response: Response): RequestFacts;
  /** Reads and parses the body. */
  readJson(request: Request, response: Response): Promise<void>;
  /** The body as it comes. */
  readBytes(request: Request, response: Response): ByteBody;
}

type Params = Record<string, unknown>;

/** Addresses that are not below /api. */
export function rootRouter(options: RestOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  addAliases(router, options, (alias) => alias.root === true);
  return router;
}

/** What is below /api. */
export function restRouter(options: RestOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  addAliases(router, options, (alias) => alias.root !== true);
  // An empty id matches no parameter; it is refused like every other wrong one.
  router.all(/^\/sessions\/(\/.*)?$/, () => {
    throw new SojournError('invalid_params', `session_id: ${sessionIdRule}`);
  });
  router.all('/sessions/:id/:operation', async (request, response) => {
    const { operation: name = '', id = '' } = request.params as Record<string, string>;
    const operation = options.catalogue.get(name);
    if (operation.scope !== 'session') throw errors.operationNotFound(name);
    if (request.method !== 'POST' && !(request.method === 'GET' && isSafe(operation))) {
      const detail = `${request.method} is not for '${name}'; use POST.`;
      throw new SojournError('operation_not_found', detail, { operation: name });
    }
    await answer(operation, { session_id: id }, 200, request, response, options);
  });
  return router;
}

const isSafe = ({ access, safe = access === 'read' }: Operation): boolean => safe;

const verbs = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;

function addAliases(router: Router, options: RestOptions, wanted: (alias: HttpAlias) => boolean): void {
  for (const operation of options.catalogue.list()) {
    for (const alias of (operation.http ?? []).filter(wanted)) addAlias(router, operation, alias, options);
  }
}

function addAlias(router: Router, operation: Operation, alias: HttpAlias, options: RestOptions): void {
  router[verbs[alias.method]](alias.path, async (request: Request, response: Response) => {
    const { id, ...rest } = Object.fromEntries(Object.entries(request.params).map(joined));
    const place: Params = id === undefined ? rest : { session_id: id, ...rest };
    await answer(operation, place, alias.status ?? 200, request, response, options);
  });
}

/** A parameter of several steps comes in pieces. */
const joined = ([name, value]: [string, string | string[]]): [string, string] => [
  name,
  Array.isArray(value) ? value.join('/') : value,
];

async function answer(
  operation: Operation,
  place: Params,
  status: number,
  request: Request,
  response: Response,
  options: RestOptions,
): Promise<void> {
  const media = acceptedMedia(operation, request);
  const sent = carriesBytes(operation, request)
    ? await sentBytes(request, options.readBytes(request, response))
    : undefined;
  if (!sent) await options.readJson(request, response);
  const call = async () => {
    const params = paramsOf(operation, place, request, media, sent);
    const context = callContext(request, options.facts(response));
    return options.catalogue.call(operation.name, params, { ...context, ...(sent && { body: sent.body }) });
  };
  const result: unknown = await call().finally(() => sent?.dispose());
  if (operation.stream === 'answer' && isByteAnswer(result)) {
    await sendBytes(result, request, response).finally(() => result.dispose());
    return;
  }
  response.status(status);
  if (status === 204) response.end();
  else if (media) await sendMedia(result, media, response);
  else {
    const said = operation.media ? await withTextForBytes(result, operation.media) : result;
    response.type('application/json').end(JSON.stringify(said ?? null));
  }
}

async function sendMedia(result: unknown, media: MediaForm, response: Response): Promise<void> {
  const content = mediaContent(result, media);
  response.type(media.type);
  if (isByteStream(content)) await sendPieces(content, response);
  else response.end(content);
}

/** The fields of a form as parameters, the name of its file among them. */
function named({ fileNameParam }: Operation, { fields, fileName }: SentBytes): Params {
  return fileNameParam === undefined || fileName === undefined
    ? { ...fields }
    : { [fileNameParam]: fileName, ...fields };
}

/** From path, query and body; where the body is bytes, from path, query and what a form says beside them. */
function paramsOf(
  operation: Operation,
  place: Params,
  request: Request,
  media: MediaForm | undefined,
  sent: SentBytes | undefined,
): Params {
  const { session_id, ...fromPath } = place;
  const onlyQuery = sent !== undefined || request.method === 'GET' || request.method === 'HEAD';
  const query = onlyQuery || request.method === 'DELETE' ? fromQuery(request) : {};
  const texts = { ...(sent && named(operation, sent)), ...query, ...fromPath };
  const given = onlyQuery ? texts : { ...fromBody(request), ...texts };
  const own = fromText(operation, { ...given, ...media?.params }, onlyQuery ? null : Object.keys(texts));
  return session_id === undefined ? own : { ...newIdFrom(operation, own), session_id };
}

/** In a body the id of a session that is to be made has the plain name: the path names the one it is made from. */
function newIdFrom(operation: Operation, own: Params): Params {
  const { session_id: id, ...rest } = own;
  if (id === undefined || !(operation.params instanceof z.ZodObject)) return own;
  return 'new_session_id' in operation.params.shape ? { new_session_id: id, ...rest } : own;
}

/** Another form of the answer, when the client prefers it to JSON. */
function acceptedMedia({ media }: Operation, request: Request): MediaForm | undefined {
  if (media === undefined) return undefined;
  return request.accepts(['application/json', media.type]) === media.type ? media : undefined;
}

function callContext(request: Request, facts: RequestFacts): CallContext {
  const key = request.get('Idempotency-Key');
  const match = request.get('If-Match');
  const client = request.get('Sojourn-Client');
  if (key !== undefined && (key.length === 0 || key.length > 200))
    throw badHeader('Idempotency-Key', '1 to 200 characters');
  if (client !== undefined && !/^[\x21-\x7e]{1,128}$/.test(client))
    throw badHeader('Sojourn-Client', '1 to 128 visible ASCII characters');
  return {
    principal: facts.principal,
    request_id: facts.requestId,
    signal: facts.signal,
    wire: facts.wire,
    ...(key === undefined ? {} : { idempotency_key: key }),
    ...(match === undefined ? {} : { if_seq: seqOf(match) }),
    ...(client === undefined ? {} : { client_id: client }),
  };
}

function seqOf(header: string): number {
  const digits = /^"?(\d{1,15})"?$/.exec(header)?.[1];
  if (digits === undefined) throw badHeader('If-Match', 'a journal seq');
  return Number(digits);
}

const badHeader = (name: string, rule: string) =>
  new SojournError('invalid_params', `The header ${name} must be ${rule}.`);

function fromBody(request: Request): Params {
  const body: unknown = request.body ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new SojournError('invalid_params', 'The body must be a JSON object.');
  }
  return { ...body };
}

function fromQuery(request: Request): Params {
  const params: Params = {};
  for (const [key, value] of new URL(request.originalUrl, 'http://localhost').searchParams) {
    if (Object.hasOwn(params, key)) throw new SojournError('invalid_params', `${key}: given twice.`);
    Object.defineProperty(params, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return params;
}

/**
 * Text from a path or a query becomes what the schema asks for, field by field: only where text itself is refused is
 * it read as JSON. @param fields which may be text; null for all.
 */
function fromText(operation: Operation, params: Params, fields: readonly string[] | null): Params {
  if (fields?.length === 0) return params;
  const schemas = operation.access === 'read' ? [operation.params] : [operation.params, writeOptionsSchema];
  const converted: Params = { ...params };
  for (const issue of schemas.flatMap((schema) => schema.safeParse(params).error?.issues ?? [])) {
    const field = String(issue.path[0]);
    const value = converted[field];
    if (typeof value !== 'string' || (fields !== null && !fields.includes(field))) continue;
    try {
      converted[field] = JSON.parse(value) as unknown;
    } catch {
      // It stays text, and the schema will say what is wrong with it.
    }
  }
  return converted;
}
