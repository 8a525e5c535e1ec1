/** OpenAPI 3.1, generated from the catalogue: what a transport serves is what it documents. */
import { z } from 'zod';
import { errorTable } from '../types/errors.js';
import { optionKeysOf, writeOptionsSchema } from '../types/operation.js';
import type { HttpAlias, ICatalogue, Operation } from '../types/operation.js';

type Json = Record<string, unknown>;

export function openApiDocument(catalogue: ICatalogue, version: string): Json {
  const paths: Record<string, Json> = {
    '/api/health': { get: healthOperation },
  };
  for (const operation of catalogue.list()) {
    for (const alias of routesOf(operation)) {
      const path = `${alias.root === true ? '' : '/api'}${alias.path.replace(/[:*](\w+)/g, '{$1}')}`;
      paths[path] = { ...paths[path], [alias.method.toLowerCase()]: describe(operation, alias) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sojourn',
      version,
      description: 'Durable sessions behind one API.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
      responses: {
        Problem: {
          description: 'What went wrong',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function routesOf(operation: Operation): HttpAlias[] {
  const aliases = [...(operation.http ?? [])];
  if (operation.scope === 'session') {
    const path = `/sessions/:id/${operation.name}`;
    aliases.push({ method: 'POST', path });
    if (operation.safe ?? operation.access === 'read') aliases.push({ method: 'GET', path });
  }
  return aliases;
}

function describe(operation: Operation, alias: HttpAlias): Json {
  const inPath = [...alias.path.matchAll(/[:*](\w+)/g)].map((match) => match[1] ?? '');
  const params = jsonSchema(operation.params, 'input');
  const properties = (params.properties ?? {}) as Record<string, Json>;
  const parameters = inPath.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: properties[name] ?? { type: 'string' },
  }));
  const status = String(alias.status ?? 200);
  const content =
    operation.stream === 'answer'
      ? bytesContent
      : {
          'application/json': { schema: jsonSchema(operation.result, 'output') },
          ...(operation.media === undefined ? {} : { [operation.media.type]: {} }),
        };
  const takesBytes = operation.stream === 'body' || operation.stream === 'optional-body';
  const byQuery = takesBytes || alias.method === 'GET' || alias.method === 'DELETE';
  return {
    operationId: `${operation.name}_${alias.method.toLowerCase()}_${alias.path.replace(/\W+/g, '_')}`,
    summary: operation.summary,
    tags: [operation.scope],
    parameters: [
      ...parameters,
      ...(byQuery ? queryParameters(params, inPath, takesBytes) : []),
      ...(byQuery && alias.method !== 'GET' ? optionParameters(operation) : []),
      ...(alias.method === 'GET' ? [] : headerParameters(operation)),
    ],
    ...(alias.method === 'GET' || alias.method === 'DELETE'
      ? {}
      : { requestBody: requestBody(operation, params, inPath, alias.method) }),
    responses: {
      [status]: status === '204' ? { description: 'Done' } : { description: 'The answer', content },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

const bytesContent = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

/** By POST a form too, whose fields are the parameters. */
function bodyContent(method: string, params: Json): Json {
  if (method !== 'POST') return bytesContent;
  const file = { type: 'string', format: 'binary' };
  const properties = { ...(params.properties as Json), file };
  return {
    ...bytesContent,
    'multipart/form-data': { schema: { type: 'object', properties, required: ['file'] } },
  };
}

function requestBody(operation: Operation, params: Json, inPath: readonly string[], method: string): Json {
  if (operation.stream === 'body') return { required: true, content: bodyContent(method, params) };
  const own = Object.entries((params.properties ?? {}) as Json).filter(([name]) => !inPath.includes(name));
  const required = ((params.required ?? []) as string[]).filter((name) => !inPath.includes(name));
  const schema = {
    ...params,
    properties: { ...Object.fromEntries(own), ...optionProperties(operation) },
    required,
  };
  const json = { 'application/json': { schema } };
  const content = operation.stream === 'optional-body' ? { ...json, ...bodyContent(method, params) } : json;
  return { required: required.length > 0, content };
}

/** @param orElsewhere a form, or a body of JSON, may have them instead */
function queryParameters(params: Json, inPath: readonly string[], orElsewhere: boolean): Json[] {
  const required = orElsewhere ? [] : ((params.required ?? []) as string[]);
  return Object.entries((params.properties ?? {}) as Record<string, Json>)
    .filter(([name]) => !inPath.includes(name))
    .map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }));
}

/** What writes share, as far as this one takes it. */
function optionProperties(operation: Operation): Record<string, unknown> {
  const all = jsonSchema(writeOptionsSchema, 'input').properties as Json;
  return Object.fromEntries(optionKeysOf(operation).map((key) => [key, all[key]]));
}

const optionParameters = (operation: Operation): Json[] =>
  Object.entries(optionProperties(operation)).map(([name, schema]) => ({ name, in: 'query', schema }));

function headerParameters(operation: Operation): Json[] {
  if (operation.access === 'read') return [];
  const key = { name: 'Idempotency-Key', in: 'header', schema: { type: 'string', maxLength: 200 } };
  const match = {
    name: 'If-Match',
    in: 'header',
    schema: { type: 'string' },
    description: 'A journal seq: only if nothing was written after it.',
  };
  return optionKeysOf(operation).includes('if_seq') ? [key, match] : [key];
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { enum: Object.keys(errorTable) },
    detail: { type: 'string' },
    request_id: { type: 'string' },
    session_id: { type: 'string' },
  },
};

const healthOperation = {
  operationId: 'health',
  summary: 'Tells that the server answers; needs no token.',
  security: [],
  responses: {
    200: { description: 'It does', content: { 'application/json': { schema: { type: 'object' } } } },
  },
};
