import { request } from 'node:http';
import { expect } from 'chai';
import type { RestTransport } from '../src/api/rest-transport.js';
import { loadConfig } from '../src/core/config.js';
import type { ConfigInput } from '../src/types/config.js';
import type { Dialect } from '../src/types/dialect.js';
import { isSojournError, SojournError } from '../src/types/errors.js';
import { keptLog } from './support/kept-log.js';
import type { KeptLog } from './support/kept-log.js';
import { restOf, token } from './support/rest-door.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

/** Says what it was asked, and what is wrong as `oops`. */
const echo: Dialect = {
  name: 'echo',
  answer: async (asked, call) => {
    const { method, target, principal } = asked;
    if (target === '/ping') return say(200, await call('ping', {}));
    if (target === '/boom') throw new Error('a secret');
    if (target === '/busy') throw new SojournError('session_busy', 'It is busy.');
    const body = method === 'POST' ? await asked.readBody() : 'unread';
    return say(200, { method, target, principal: principal.id, body });
  },
  refuse: (error) =>
    isSojournError(error) ? say(499, { oops: error.code }) : { ...say(499, { oops: '?' }), failure: error },
};
const say = (status: number, value: unknown) => ({
  status,
  type: 'application/json',
  text: JSON.stringify(value),
});

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  port?: string;
}

describe('mounts of dialects', () => {
  let world: World;
  let transport: RestTransport;
  let log: KeptLog;

  const serve = async (given: ConfigInput = {}) => {
    world = await openWorld();
    log = keptLog();
    transport = restOf(world, given, { dialects: [echo] });
    await transport.start({ catalogue: world.catalogue, log });
  };
  afterEach(async () => {
    await transport.dispose();
    await world.close();
  });

  const ask = (path: string, asked: Asked = {}) =>
    new Promise<{ status: number; type: string; json: Record<string, unknown> }>((resolve, reject) => {
      const call = request(
        {
          hostname: '127.0.0.1',
          port: asked.port ?? new URL(transport.url).port,
          path,
          method: asked.method ?? (asked.body === undefined ? 'GET' : 'POST'),
          headers: { Authorization: `Bearer ${token}`, ...asked.headers },
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              type: response.headers['content-type'] ?? '',
              json: JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>,
            }),
          );
        },
      );
      call.once('error', reject);
      call.end(asked.body);
    });

  const basic = (user: string, password = '') =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  it('hand on what lies below them as it was sent, query and all', async () => {
    await serve();
    const { json, type } = await ask('/compat/echo/a%2Fb/../c//?x=%41');
    expect(json).to.include({ method: 'GET', target: '/a%2Fb/../c//?x=%41', principal: 'local' });
    expect(type).to.equal('application/json');
    expect((await ask('/compat/echo')).json).to.include({ target: '/' });
    expect((await ask('/compat/echo?x')).json).to.include({ target: '/?x' });
    expect((await ask('/compat/echo/ping')).json).to.deep.equal({ message: 'pong' });
  });

  it('read a body as JSON whatever its type says, and none as an empty object', async () => {
    await serve();
    const headers = { 'Content-Type': 'text/plain' };
    expect((await ask('/compat/echo/x', { body: '{"a":[1]}', headers })).json.body).to.deep.equal({ a: [1] });
    expect((await ask('/compat/echo/x', { method: 'POST' })).json.body).to.deep.equal({});
    expect((await ask('/compat/echo/x', { body: '{', headers })).json).to.deep.equal({
      oops: 'invalid_json',
    });
  });

  it('are not there under another name', async () => {
    await serve();
    for (const path of ['/compat/echoes/x', '/compat/other/x', '/compat', '/Compat/echo', '/compat/echo%2Fx'])
      expect((await ask(path)).json, path).to.include({ code: 'operation_not_found' });
  });

  it('refuse in their own shape who has no token, a wrong Host or a foreign Origin', async () => {
    await serve();
    const nobody = { oops: 'unauthorized' };
    expect((await ask('/compat/echo/ping', { headers: { Authorization: '' } })).json).to.deep.equal(nobody);
    expect(
      (await ask('/compat/echo/ping', { headers: { Authorization: basic('wrong') } })).json,
    ).to.deep.equal(nobody);
    const foreign = { oops: 'forbidden' };
    expect((await ask('/compat/echo/ping', { headers: { Host: 'evil.example' } })).json).to.deep.equal(
      foreign,
    );
    const headers = { Origin: 'http://evil.example' };
    expect((await ask('/compat/echo/ping', { headers })).json).to.deep.equal(foreign);
  });

  it('take the token as the user of HTTP Basic, which no other address does', async () => {
    await serve();
    const headers = { Authorization: basic(token) };
    expect((await ask('/compat/echo/ping', { headers })).json).to.deep.equal({ message: 'pong' });
    expect((await ask('/api/ping', { headers })).json).to.include({ code: 'unauthorized' });
    const other = { Authorization: basic('user', token) };
    expect((await ask('/compat/echo/ping', { headers: other })).json).to.deep.equal({ oops: 'unauthorized' });
  });

  it('ask for no token with compat.auth none, where all others go on to ask', async () => {
    await serve({ compat: { auth: 'none' } });
    const headers = { Authorization: '' };
    expect((await ask('/compat/echo/x', { headers })).json).to.include({ principal: 'local' });
    expect((await ask('/api/ping', { headers })).json).to.include({ code: 'unauthorized' });
    expect((await ask('/compat/other', { headers })).json).to.include({ code: 'unauthorized' });
    const rebound = { Authorization: '', Host: 'evil.example' };
    expect((await ask('/compat/echo/x', { headers: rebound })).json).to.deep.equal({ oops: 'forbidden' });
  });

  it('tell errors in their own words, and what nobody expected to the log alone', async () => {
    await serve();
    expect((await ask('/compat/echo/busy')).json).to.deep.equal({ oops: 'session_busy' });
    expect(log.complaints).to.have.length(0);
    expect((await ask('/compat/echo/boom')).json).to.deep.equal({ oops: '?' });
    expect(log.complaints).to.have.length(1);
  });

  it('may be the root of a port of their own', async () => {
    await serve({ listen: ['0=/compat/echo'] });
    const [, own = ''] = transport.urls;
    const { port } = new URL(own);
    expect((await ask('/ping', { port })).json).to.deep.equal({ message: 'pong' });
    expect((await ask('/api/sessions?x', { port })).json).to.include({ target: '/api/sessions?x' });
    expect((await ask('/x', { port, headers: { Authorization: '' } })).json).to.deep.equal({
      oops: 'unauthorized',
    });
    expect((await ask('http://127.0.0.1/x', { port })).json).to.include({ target: '/http://127.0.0.1/x' });
  });

  it('are named when a port is to be the root of one that is not there', async () => {
    await serve();
    const other = restOf(world, { listen: ['0=/compat/nothing'] }, { dialects: [echo] });
    const refused: unknown = await other
      .start({ catalogue: world.catalogue, log })
      .catch((caught: unknown) => caught);
    expect(refused)
      .to.have.property('message')
      .that.includes('there is no /compat/nothing; there is: /compat/echo');
  });
});

describe('settings of mounts', () => {
  const load = (given: ConfigInput) => loadConfig({ given, file: null, env: { HOME: '/home/u' } });

  it('let nobody in without a token from outside of the machine', () => {
    expect(load({ compat: { auth: 'none' } }).compat.auth).to.equal('none');
    expect(() => load({ compat: { auth: 'none' }, host: '0.0.0.0' })).to.throw(/loopback/);
  });

  it('say how a port of their own is written', () => {
    expect(() => load({ listen: ['8000'] })).to.throw('PORT=/compat/NAME');
  });
});
