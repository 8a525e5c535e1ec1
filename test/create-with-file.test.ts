/** Operations that may carry a file: as a form, as the body itself, or with nothing but JSON; the same at every door. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { z } from 'zod';
import type { RestTransport } from '../src/api/rest-transport.js';
import { HttpCaller } from '../src/client/http-caller.js';
import { silentLog } from '../src/core/system.js';
import type { RunningServer } from '../src/server.js';
import type { ICaller } from '../src/types/client.js';
import { SojournError } from '../src/types/errors.js';
import type { ByteBody } from '../src/types/files.js';
import { defineServerOperation } from '../src/types/operation.js';
import { openServer } from './support/open-server.js';
import { restOf, token } from './support/rest-door.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

/** Both doors to a world. */
async function opened(world: World) {
  const transport = restOf(world, { shutdown_grace_s: 0 });
  await transport.start({ catalogue: world.catalogue, log: silentLog });
  const overRest: ICaller = new HttpCaller({ url: transport.url, token, retries: 0 });
  return { transport, callers: { 'in process': world.caller, 'over REST': overRest } };
}

/** What an operation with a file was told, and what it got. */
interface Taken {
  readonly params: Record<string, unknown>;
  readonly name: string | null;
  readonly sha256: string | null;
  readonly size: number | null;
}

async function taken(params: Record<string, unknown>, body: ByteBody | undefined, first: () => void) {
  if (!body) return { params, name: null, sha256: null, size: null };
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of body.bytes) {
    first();
    hash.update(piece);
    size += piece.length;
  }
  return { params, name: body.name ?? null, sha256: hash.digest('hex'), size };
}

const hashOf = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const csv = 'name,age\nAda,36\n';

describe('an operation that may carry a file', () => {
  let world: World;
  let transport: RestTransport;
  let callers: Record<string, ICaller>;
  let begun: Promise<void>;

  beforeEach(async () => {
    world = await openWorld();
    let begin: () => void = () => undefined;
    begun = new Promise((resolve) => (begin = resolve));
    world.catalogue.register(
      defineServerOperation({
        name: 'take',
        access: 'write',
        summary: 'Takes what comes.',
        stream: 'optional-body',
        params: z.strictObject({
          id: z.string().optional(),
          name: z.string().optional(),
          tags: z.array(z.string()).optional(),
          timeout_s: z.number().optional(),
          data_source: z.record(z.string(), z.unknown()).optional(),
        }),
        result: z.unknown(),
        http: [{ method: 'POST', path: '/take', status: 201 }],
        handle: (params, call) => taken(params, call.body, begin),
      }),
    );
    ({ transport, callers } = await opened(world));
  });
  afterEach(async () => {
    await callers['over REST']!.dispose();
    await transport.dispose();
    await world.close();
  });

  const post = async (body: string | FormData, headers: Record<string, string> = {}, query = '') => {
    const response = await fetch(`${transport.url}/api/take${query}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, ...headers },
      body,
    });
    return { status: response.status, answer: (await response.json()) as Taken & { code?: string } };
  };

  it('takes plain JSON, also under the names that programs give it by themselves', async () => {
    const text = JSON.stringify({ tags: ['a'] });
    for (const type of ['application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded'])
      expect(await post(text, { 'Content-Type': type })).to.deep.equal({
        status: 201,
        answer: { params: { tags: ['a'] }, name: null, sha256: null, size: null },
      });
  });

  it('takes a form: its fields become what the schema asks for, its file is passed on', async () => {
    const form = new FormData();
    form.append('id', 'mine');
    form.append('name', '7');
    form.append('tags', '["a","b"]');
    form.append('timeout_s', '60');
    form.append('data_source', '{"type":"csv","header":0}');
    form.append('file', new Blob([csv]), 'sales.csv');
    expect((await post(form)).answer).to.deep.equal({
      params: {
        id: 'mine',
        name: '7',
        tags: ['a', 'b'],
        timeout_s: 60,
        data_source: { type: 'csv', header: 0 },
      },
      name: 'sales.csv',
      sha256: hashOf(csv),
      size: csv.length,
    });
  });

  it('takes the file as the body, with its fields in the query', async () => {
    const { answer } = await post(csv, { 'Content-Type': 'text/csv' }, '?tags=["a"]&name=n&timeout_s=1');
    expect(answer).to.deep.equal({
      params: { tags: ['a'], name: 'n', timeout_s: 1 },
      name: 'body.csv',
      sha256: hashOf(csv),
      size: csv.length,
    });
    const headers = {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename="../../a.tsv"`,
    };
    expect((await post(csv, headers)).answer.name).to.equal('a.tsv');
  });

  it('has the first bytes before the last are sent', async () => {
    const { hostname, port } = new URL(transport.url);
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' };
    const call = request({ hostname, port, path: '/api/take', method: 'POST', headers, agent: false });
    const answered = once(call, 'response');
    call.write('a\n');
    await begun;
    call.end('1\n');
    const [response] = (await answered) as [IncomingMessage];
    expect(await json(response)).to.include({ size: 4 });
  });

  it('refuses unknown and wrong fields beside a file like everywhere', async () => {
    const type = { 'Content-Type': 'text/csv' };
    expect((await post(csv, type, '?nope=1')).answer.code).to.equal('invalid_params');
    expect((await post(csv, type, '?timeout_s=soon')).answer.code).to.equal('invalid_params');
    const form = new FormData();
    form.append('timeout_s', '60');
    expect((await post(form)).answer.code).to.equal('invalid_params');
  });

  it('is called with a file by every caller', async () => {
    const params = { id: 'mine', tags: ['x'], data_source: { type: 'csv' } };
    const fileName = "Umsätze '24 (neu).csv";
    async function* pieces() {
      yield Buffer.from(csv.slice(0, 5));
      yield Buffer.from(csv.slice(5));
    }
    for (const [door, caller] of Object.entries(callers)) {
      const whole = await caller.upload('take', params, Buffer.from(csv), { fileName });
      const told = { params, name: fileName, sha256: hashOf(csv), size: csv.length };
      expect(whole, door).to.deep.equal(told);
      expect(await caller.upload('take', params, pieces(), { fileName }), door).to.deep.equal(told);
      expect(await caller.upload('take', {}, Buffer.from(csv)), door).to.include({ name: null });
      expect(await caller.call('take', params), door).to.include({ size: null });
    }
  });

  it('is documented with all the ways to send it', async () => {
    const response = await fetch(`${transport.url}/api/openapi.json`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const document = (await response.json()) as { paths: Record<string, { post?: { requestBody: object } }> };
    expect(document.paths['/api/take']?.post)
      .to.have.nested.property('requestBody.content')
      .with.all.keys('application/json', 'application/octet-stream', 'multipart/form-data');
    expect(document.paths['/api/take']?.post).to.have.nested.property('parameters[0].in', 'query');
  });
});

describe('a session that is created with a file', () => {
  let server: RunningServer;
  before(async () => {
    server = await openServer({ store: 'memory' });
  });
  after(() => server.dispose());

  const create = async (body: string | FormData, type?: string, query = '') => {
    const response = await fetch(`${server.url}/api/sessions${query}`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${server.token ?? ''}`,
        ...(type === undefined ? {} : { 'Content-Type': type }),
      },
      body,
    });
    return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
  };

  it('has the table of a form, and what its fields say', async () => {
    const form = new FormData();
    form.append('session_id', 'formed');
    form.append('tags', '["a","b"]');
    form.append('timeout_s', '60');
    form.append('index', 'name');
    form.append('data_source', '{"delimiter":";"}');
    form.append('file', new Blob(['name;age\nAda;36\n']), 'people.csv');
    const { status, answer } = await create(form);
    expect([status, answer.kind, answer.shape]).to.deep.equal([201, 'data', [1, 1]]);
    expect(answer).to.deep.include({ session_id: 'formed', tags: ['a', 'b'], timeout_s: 60, index: 'name' });
  });

  it('has the table of a body, with its fields in the query', async () => {
    const { status, answer } = await create(csv, 'text/csv', '?session_id=plain&index=name&name=x');
    expect([status, answer.shape, answer.name]).to.deep.equal([201, [1, 1], 'x']);
  });

  it('is not there when its file cannot be read', async () => {
    const { status } = await create('a,b\n1\n1,2,3,4\n', 'text/csv', '?session_id=ragged');
    expect(status).to.equal(422);
    const response = await fetch(`${server.url}/api/sessions/ragged`, {
      headers: { Authorization: `Bearer ${server.token ?? ''}` },
    });
    expect(response.status).to.equal(404);
  });
});

const arrow = 'application/vnd.apache.arrow.stream';

describe('an answer that has a form of its own', () => {
  let world: World;
  let transport: RestTransport;
  let callers: Record<string, ICaller>;
  let made = 0;
  let left = 0;

  const endless = async function* () {
    try {
      for (;;) {
        made += 1;
        yield Buffer.alloc(65_536);
      }
    } finally {
      left += 1;
    }
  };
  async function* broken(): AsyncGenerator<Uint8Array> {
    await Promise.reject(new SojournError('data_error', 'It cannot be read.'));
    yield Buffer.alloc(1);
  }
  async function* pieces() {
    yield Buffer.from('ab');
    yield new Uint8Array();
    yield Buffer.from('c');
  }
  const contents: Record<string, () => unknown> = {
    text: () => Buffer.from('abc').toString('base64'),
    bytes: () => new Uint8Array(Buffer.from('abc')),
    pieces,
    endless,
    broken,
  };

  beforeEach(async () => {
    made = 0;
    left = 0;
    world = await openWorld();
    for (const [name, content] of Object.entries(contents)) {
      world.catalogue.register(
        defineServerOperation({
          name: `get_${name}`,
          access: 'read',
          summary: 'Answers in two forms.',
          params: z.strictObject({ format: z.enum(['json', 'arrow']).default('json') }),
          result: z.object({ rows: z.number(), arrow: z.unknown().optional() }),
          media: { type: arrow, params: { format: 'arrow' }, member: 'arrow' },
          http: [{ method: 'POST', path: `/get_${name}` }],
          handle: async ({ format }) => ({ rows: 3, ...(format === 'arrow' ? { arrow: content() } : {}) }),
        }),
      );
    }
    ({ transport, callers } = await opened(world));
  });
  afterEach(async () => {
    await callers['over REST']!.dispose();
    await transport.dispose();
    await world.close();
  });

  const collected = async (bytes: AsyncIterable<Uint8Array>) => {
    const all: Uint8Array[] = [];
    for await (const piece of bytes) all.push(piece);
    return Buffer.concat(all).toString();
  };

  it('has it as bytes for who accepts it, whatever the operation holds them in', async () => {
    for (const [door, caller] of Object.entries(callers))
      for (const name of ['text', 'bytes', 'pieces'])
        expect(await collected(await caller.media(`get_${name}`, {}, arrow)), door).to.equal('abc');
  });

  it('is text in base64 inside of JSON', async () => {
    for (const [door, caller] of Object.entries(callers)) {
      for (const name of ['text', 'bytes', 'pieces']) {
        const answer = await caller.call(`get_${name}`, { format: 'arrow' });
        expect(answer, door).to.deep.equal({ rows: 3, arrow: 'YWJj' });
      }
      expect(await caller.call('get_pieces', {}), door).to.deep.equal({ rows: 3 });
    }
  });

  it('is no text when it has no end', async () => {
    for (const caller of Object.values(callers)) {
      const failure: unknown = await caller.call('get_endless', { format: 'arrow' }).catch((e: unknown) => e);
      expect(failure).to.include({ code: 'limit_exceeded' });
    }
    expect(left).to.equal(2);
  });

  it('is made as fast as it is read, and no more of it when its reader leaves', async () => {
    for (const caller of Object.values(callers)) {
      const before = left;
      for await (const piece of await caller.media('get_endless', {}, arrow)) {
        expect(piece.length).to.be.greaterThan(0);
        break;
      }
      while (left === before) await new Promise(setImmediate);
    }
    expect(made).to.be.lessThan(2000);
  });

  it('fails with the error that the operation has, before anything is sent', async () => {
    const failure: unknown = await callers['over REST']!.media('get_broken', {}, arrow).catch(
      (error: unknown) => error,
    );
    expect(failure).to.include({ code: 'data_error', detail: 'It cannot be read.' });
  });

  it('is said not to be there where there is none', async () => {
    for (const caller of Object.values(callers)) {
      const failure: unknown = await caller.media('ping', {}, arrow).catch((error: unknown) => error);
      expect(failure).to.include({ code: 'not_supported' });
    }
  });
});
