import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { expect } from 'chai';
import { z } from 'zod';
import type { RestTransport } from '../src/api/rest-transport.js';
import { silentLog } from '../src/core/system.js';
import { defineServerOperation } from '../src/types/operation.js';
import type { ConfigInput } from '../src/types/config.js';
import { errorTable } from '../src/types/errors.js';
import { restOf, token } from './support/rest-door.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: Record<string, unknown>;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string | object;
  anonymous?: boolean;
}

describe('REST', () => {
  let world: World;
  let transport: RestTransport;

  const serve = async (given: ConfigInput = {}) => {
    world = await openWorld();
    for (const [name, thrown] of hostile) {
      world.catalogue.register(
        defineServerOperation({
          name,
          access: 'read',
          summary: 'Fails.',
          params: z.strictObject({}),
          result: z.unknown(),
          http: [{ method: 'GET', path: `/${name}` }],
          handle: () => Promise.reject(thrown as Error),
        }),
      );
    }
    transport = restOf(world, given, { version: '1.2.3', pid: 77 });
    await transport.start({ catalogue: world.catalogue, log: silentLog });
  };
  beforeEach(() => serve());
  afterEach(async () => {
    await transport.dispose();
    await world.close();
  });

  /** Paths are sent as they are: `fetch` would tidy them up. */
  const ask = (path: string, asked: Asked = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const { hostname, port } = new URL(transport.url);
      const body = typeof asked.body === 'object' ? JSON.stringify(asked.body) : asked.body;
      const headers: Record<string, string> = { ...asked.headers };
      if (asked.anonymous !== true)
        if (!('Authorization' in headers)) headers.Authorization = `Bearer ${token}`;
      if (body !== undefined) headers['Content-Type'] ??= 'application/json';
      const call = request(
        {
          hostname,
          port,
          path,
          method: asked.method ?? (body === undefined ? 'GET' : 'POST'),
          headers,
          agent: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson =
              /json/.test(response.headers['content-type'] ?? '') &&
              response.headers['content-encoding'] === undefined;
            const json = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {};
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
          });
        },
      );
      call.on('error', reject);
      call.end(body);
    });

  const create = (id: string) => ask('/api/sessions', { body: { kind: 'counter', session_id: id } });

  it('answers health without a token and nothing else', async () => {
    const health = await ask('/api/health', { anonymous: true });
    expect(health.status).to.equal(200);
    expect(health.json).to.include({ status: 'ok', version: '1.2.3', pid: 77 });
    for (const operation of world.catalogue.list()) {
      const own = { method: 'POST', path: `/sessions/x/${operation.name}`, root: false };
      for (const { method, path, root = false } of operation.http ?? [own]) {
        const { status, json } = await ask(`${root ? '' : '/api'}${path}`, { method, anonymous: true });
        expect([status, json.code], `${method} ${path}`).to.deep.equal([401, 'unauthorized']);
      }
    }
    expect((await ask('/api/openapi.json', { anonymous: true })).status).to.equal(401);
    expect((await ask('/nowhere', { anonymous: true })).status).to.equal(401);
    expect(
      (await ask('/api/ping', { headers: { Authorization: 'Bearer wrong' } })).headers['www-authenticate'],
    ).to.match(/^Bearer/);
  });

  it('refuses a foreign Host and a foreign Origin before it asks for a token', async () => {
    expect((await ask('/api/health', { headers: { Host: 'evil.example' } })).status).to.equal(403);
    expect((await ask('/api/ping', { headers: { Origin: 'https://evil.example' } })).status).to.equal(403);
    expect((await ask('/api/ping', { headers: { Origin: transport.url } })).json).to.deep.equal({
      message: 'pong',
    });
  });

  it('creates with 201, finds, changes, deletes with 204, and then does not find', async () => {
    const created = await create('a');
    expect([created.status, created.json.session_id]).to.deep.equal([201, 'a']);
    expect((await ask('/api/sessions/a')).json.status).to.equal('idle');
    expect((await ask('/api/sessions/a', { method: 'PATCH', body: { name: 'n' } })).json.name).to.equal('n');
    const deleted = await ask('/api/sessions/a', { method: 'DELETE' });
    expect([deleted.status, deleted.text]).to.deep.equal([204, '']);
    expect((await ask('/api/sessions/a', { method: 'DELETE' })).json).to.include({
      status: 404,
      code: 'session_not_found',
    });
  });

  it('describes a failure as a problem document with the request id', async () => {
    const { status, headers, json } = await ask('/api/sessions/none', {
      headers: { 'X-Request-Id': 'my-id' },
    });
    expect(status).to.equal(404);
    expect(headers['content-type']).to.match(/^application\/problem\+json/);
    expect(headers['x-request-id']).to.equal('my-id');
    expect(json).to.deep.equal({
      type: 'https://sojourn.dev/errors/session_not_found',
      title: 'Session not found',
      status: 404,
      code: 'session_not_found',
      detail: "No session 'none'.",
      session_id: 'none',
      retryable: false,
      request_id: 'my-id',
    });
  });

  for (const [label, id] of [
    ['a path', '..%2Fx'],
    ['dots', '%2E%2E'],
    ['200 characters', 'a'.repeat(200)],
    ['a NUL', 'a%00b'],
    ['nothing', ''],
  ] as const) {
    it(`answers 400 with the rule to ${label} as a session id`, async () => {
      const body = { code: '1' };
      for (const answer of [
        await ask(`/api/sessions/${id}/execute`, { body }),
        await ask('/api/sessions', { body: { session_id: decodeURIComponent(id) } }),
      ]) {
        expect([answer.status, answer.json.code]).to.deep.equal([400, 'invalid_params']);
        expect(answer.json.detail).to.include('a session id has 1 to 128 characters');
      }
    });
  }

  it('says what is wrong with a body that is no JSON, no object, too deep or too large', async () => {
    const code = async (body: string) => (await ask('/api/sessions', { body })).json.code;
    expect(await code('{"a":')).to.equal('invalid_json');
    expect(await code('[]')).to.equal('invalid_params');
    expect(await code('"text"')).to.equal('invalid_params');
    expect(await code(`{"options":${'['.repeat(5000)}${']'.repeat(5000)}}`)).to.equal('invalid_json');
    await transport.dispose();
    await world.close();
    await serve({ limits: { request_bytes: 1000 } });
    const large = await ask('/api/sessions', { body: { name: 'x'.repeat(2000) } });
    expect([large.status, large.json.code, large.json.setting]).to.deep.equal([
      413,
      'payload_too_large',
      'limits.request_bytes',
    ]);
  });

  it('takes reads by GET with typed query parameters, and writes by POST only', async () => {
    await create('a');
    await ask('/api/sessions/a/execute', { body: { code: 'add 5' } });
    expect((await ask('/api/sessions/a/get_total')).json).to.deep.equal({ total: 5 });
    expect((await ask('/api/sessions/a/events?since_seq=1&limit=1')).json).to.have.property('next_seq', 2);
    expect((await ask('/api/sessions/a/events?since_seq=often')).json.code).to.equal('invalid_params');
    expect((await ask('/api/sessions/a/execute')).json.code).to.equal('operation_not_found');
    expect((await ask('/api/sessions/a/nonsense', { body: {} })).json.code).to.equal('operation_not_found');
    expect((await ask('/api/sessions?limit=1&limit=2')).json.code).to.equal('invalid_params');
  });

  it('keeps text of a query as text where the schema wants text', async () => {
    expect((await ask('/api/sessions?tag=123&limit=5')).status).to.equal(200);
  });

  it('takes idempotency key, condition and client from headers', async () => {
    await create('a');
    const once = () =>
      ask('/api/sessions/a/execute', {
        body: { code: 'add 5' },
        headers: { 'Idempotency-Key': 'k', 'Sojourn-Client': 'me' },
      });
    const first = (await once()).json;
    expect((await once()).json.seq).to.equal(first.seq);
    expect((await ask('/api/sessions/a/get_total')).json).to.deep.equal({ total: 5 });
    const stale = await ask('/api/sessions/a/execute', {
      body: { code: 'add 5' },
      headers: { 'If-Match': '"0"' },
    });
    expect([stale.status, stale.json.code, typeof stale.json.head_seq]).to.deep.equal([
      409,
      'conflict',
      'number',
    ]);
    expect(
      (await ask('/api/sessions/a/execute', { body: { code: 'x' }, headers: { 'If-Match': 'soon' } })).json
        .code,
    ).to.equal('invalid_params');
    const refused = { method: 'DELETE', headers: { 'If-Match': '0' } };
    expect((await ask('/api/sessions/a', refused)).json.code).to.equal('conflict');
    const untaken = await ask('/api/sessions/a/interrupt', { body: {}, headers: { 'If-Match': '1' } });
    expect([untaken.status, untaken.json.code]).to.deep.equal([400, 'invalid_params']);
    const { json } = await ask('/api/sessions/a/events');
    expect((json.events as { client_id?: string }[])[1]?.client_id).to.equal('me');
  });

  it('lets nothing of an unexpected failure out', async () => {
    for (const [name] of hostile) {
      const { status, json, text } = await ask(`/api/${name}`);
      expect([status, json.code], name).to.deep.equal([500, 'internal']);
      expect(text).not.to.match(/secret|stack|\.ts/);
    }
  });

  it('sends headers that keep browsers careful, and no name of its software', async () => {
    const { headers } = await ask('/api/ping');
    expect(headers['x-content-type-options']).to.equal('nosniff');
    expect(headers['cache-control']).to.equal('no-store');
    expect(headers['content-security-policy']).to.include("default-src 'none'");
    expect(headers['x-powered-by']).to.equal(undefined);
    expect(headers['access-control-allow-origin']).to.equal(undefined);
  });

  it('compresses long answers when asked', async () => {
    for (let index = 0; index < 10; index += 1) await create(`s${index}`);
    const { headers } = await ask('/api/sessions', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(headers['content-encoding']).to.equal('gzip');
    expect(
      (await ask('/api/ping', { headers: { 'Accept-Encoding': 'gzip' } })).headers['content-encoding'],
    ).to.equal(undefined);
  });

  it('documents every operation and every error code', async () => {
    const { json } = await ask('/api/openapi.json');
    const paths = json.paths as Record<string, Record<string, { operationId: string }>>;
    for (const operation of world.catalogue.list()) {
      const path = operation.scope === 'session' ? `/api/sessions/{id}/${operation.name}` : undefined;
      if (path !== undefined) expect(paths, path).to.have.property(path);
      for (const alias of operation.http ?? []) {
        const address = `/api${alias.path.replace(/[:*](\w+)/g, '{$1}')}`;
        expect(paths[address], address).to.have.property(alias.method.toLowerCase());
      }
    }
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).to.equal(ids.length);
    expect(JSON.stringify(json)).to.include(JSON.stringify(Object.keys(errorTable)));
  });

  it('says in one sentence that its port is taken', async () => {
    const second = restOf(world, { port: Number(new URL(transport.url).port) });
    const error: unknown = await second
      .start({ catalogue: world.catalogue, log: silentLog })
      .catch((caught: unknown) => caught);
    expect(error)
      .to.be.instanceOf(Error)
      .with.property('message')
      .that.matches(/Port \d+ is already in use; choose another with --port/);
  });
});

const hostile: [string, unknown][] = [
  ['raw_error', new Error('a secret')],
  ['raw_text', 'a secret'],
  ['raw_nothing', undefined],
  ['raw_object', { status: 200, code: 'session_not_found', detail: 'a secret', toJSON: () => 'a secret' }],
  [
    'raw_getter',
    Object.defineProperty({}, 'message', {
      get: () => {
        throw new Error('a secret');
      },
    }),
  ],
];
