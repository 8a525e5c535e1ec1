/** Metrics over REST: the text for Prometheus, its bounds, who may read it, and bytes on the wire. */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { openApiDocument } from '../src/api/openapi.js';
import type { RestTransport } from '../src/api/rest-transport.js';
import { silentLog } from '../src/core/system.js';
import { errorTable } from '../src/types/errors.js';
import { serverReportSchema, sessionReportSchema } from '../src/types/monitor.js';
import { readExposition, seriesOf } from './support/exposition.js';
import { restOf, token } from './support/rest-door.js';
import { codeOf, counter, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const bearer = { Authorization: `Bearer ${token}` };

describe('metrics over REST', () => {
  let world: World;
  let transport: RestTransport;
  beforeEach(async () => {
    world = await openWorld();
    transport = restOf(world);
    await transport.start({ catalogue: world.catalogue, log: silentLog });
  });
  afterEach(async () => {
    await transport.dispose();
    await world.close();
  });

  const get = (path: string, headers: Record<string, string> = bearer) =>
    fetch(transport.url + path, { headers: { Connection: 'close', ...headers } });
  const scrape = async () => {
    const response = await get('/metrics');
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
    return readExposition(await response.text());
  };
  const valueOf = (families: Awaited<ReturnType<typeof scrape>>, name: string, labels = {}) =>
    [...families.values()]
      .flatMap(({ samples }) => samples)
      .filter((sample) => sample.name === name)
      .find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;

  it('are valid lines that say what happened', async () => {
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    for (let run = 0; run < 3; run += 1) await session.execute('add 1');
    await codeOf(session.execution(99));
    await session.hibernate();
    await session.execute('add 1');
    expect((await get('/api/sessions/a')).status).to.equal(200);
    const families = await scrape();
    const duration = 'sojourn_operation_duration_seconds';
    expect(families.get(duration)?.type).to.equal('histogram');
    expect(valueOf(families, `${duration}_count`, { operation: 'execute' })).to.equal(4);
    const failed = { operation: 'get_execution', code: 'execution_not_found' };
    expect(valueOf(families, 'sojourn_operation_errors_total', failed)).to.equal(1);
    const woken = { kind: 'counter', change: 'woken' };
    expect(valueOf(families, 'sojourn_session_changes_total', woken)).to.equal(1);
    expect(valueOf(families, 'sojourn_live_sessions', { kind: 'counter' })).to.equal(1);
    expect(valueOf(families, 'sojourn_stored_sessions')).to.equal(1);
    expect(valueOf(families, 'sojourn_calls_total', { transport: 'rest' })).to.be.greaterThan(0);
    expect(valueOf(families, 'sojourn_sessions_stored_bytes')).to.be.greaterThan(0);
    expect(valueOf(families, 'process_resident_memory_bytes')).to.be.greaterThan(1e6);
  });

  it('have no label that a client chooses, whatever ids and operations it asks for', async () => {
    const asIs = {
      principal: { id: 'odd\nprincipal', access: 'admin' as const },
      request_id: 'odd\nrequest',
    };
    const odd = (index: number) =>
      `odd-${index}-${['"\\\n', 'é'.repeat(300), '../..', ' {} 1\n#', ''][index % 5]!}`;
    const ask = async (index: number) => {
      const id = odd(index);
      await codeOf(world.catalogue.call('execute', { session_id: id, code: id }, asIs));
      await codeOf(world.catalogue.call('get_session', { session_id: `ok${index}` }, asIs));
      await codeOf(world.catalogue.call(id, {}, asIs));
      await codeOf(world.catalogue.call('create_session', { kind: id, session_id: id }, asIs));
    };
    for (let index = 0; index < 5; index += 1) await ask(index);
    await get('/api/sessions/x/execute', {
      ...bearer,
      'X-Request-Id': 'odd-request',
      'Sojourn-Client': 'odd',
    });
    for (let scraped = 0; scraped < 2; scraped += 1) await scrape();
    const before = seriesOf(await scrape());
    for (let index = 5; index < 1005; index += 1) await ask(index);
    for (let index = 0; index < 20; index += 1) {
      const id = encodeURIComponent(odd(index));
      const [named, unknown] = [await get(`/api/sessions/${id}/health`), await get(`/api/sessions/a/${id}`)];
      expect([named.status, unknown.status]).to.satisfy((all: number[]) => all.every((one) => one >= 400));
      await Promise.all([named.text(), unknown.text()]);
    }
    const after = await scrape();
    const added = seriesOf(after).filter((series) => !before.includes(series));
    // The one operation that was not called before, and its errors.
    expect(added.filter((series) => !series.includes('"health"'))).to.deep.equal([]);
    const operations = new Set(world.catalogue.list().map(({ name }) => name));
    const known: Record<string, (value: string) => boolean> = {
      operation: (value) => operations.has(value),
      code: (value) => value in errorTable,
      kind: (value) => value === 'counter',
      change: (value) => ['created', 'forked', 'woken', 'hibernated', 'deleted'].includes(value),
      transport: (value) => ['rest', 'in-process'].includes(value),
      le: (value) => value === '+Inf' || Number(value) > 0,
    };
    for (const { samples } of after.values())
      for (const { labels } of samples)
        for (const [key, value] of Object.entries(labels))
          expect(known[key]?.(value), `${key}="${value}"`).to.equal(true);
  });

  it('are for who may come in, and only for an admin', async () => {
    const anonymous = await get('/metrics', {});
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).to.deep.equal([
      401,
      'Bearer realm="sojourn"',
    ]);
    expect((await get('/metrics', { Authorization: 'Bearer wrong' })).status).to.equal(401);
    expect((await get('/api/metrics', {})).status).to.equal(401);
    expect((await get('/Metrics')).status).to.equal(404);
    expect((await fetch(`${transport.url}/metrics`, { method: 'POST', headers: bearer })).status).to.equal(
      404,
    );
    expect(await codeOf(world.as('them').call('get_prometheus_metrics'))).to.equal('forbidden');
  });

  it('answer the same with an idempotency key, which makes no answer stay', async () => {
    const keyed = { ...bearer, 'Idempotency-Key': 'k' };
    const first = await (await get('/metrics', keyed)).text();
    const second = await (await get('/metrics', keyed)).text();
    expect(readExposition(second).size).to.equal(readExposition(first).size);
  });

  it('have addresses of their own, which the description has too', async () => {
    await world.client.createSession({ ...counter, sessionId: 'a' });
    const session: unknown = await (await get('/api/sessions/a/metrics?series=true')).json();
    // The look that the answer takes is in it.
    expect(sessionReportSchema.strict().parse(session).series).to.have.lengthOf(1);
    const all: unknown = await (await get('/api/metrics')).json();
    expect(serverReportSchema.strict().parse(all).scope).to.equal('server');
    const unknown = await get('/api/sessions/nobody/metrics');
    expect(await unknown.json()).to.include({ status: 404, code: 'session_not_found' });
    const { paths } = openApiDocument(world.catalogue, '1') as { paths: Record<string, object> };
    expect(paths).to.include.keys('/metrics', '/api/metrics', '/api/sessions/{id}/metrics');
    expect(paths).not.to.have.any.keys('/api/prometheus_metrics', '/sessions');
  });

  describe('and bytes', () => {
    let agent: Agent;
    let sockets: Set<Socket>;
    beforeEach(() => {
      agent = new Agent({ keepAlive: true, maxSockets: 1 });
      sockets = new Set();
    });
    afterEach(() => agent.destroy());

    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      new Promise<void>((resolve, reject) => {
        const read = (response: IncomingMessage) =>
          response.resume().once('end', resolve).once('error', reject);
        const call = request(
          transport.url + path,
          { agent, method: 'POST', headers: { ...bearer, 'Content-Type': 'application/json', ...headers } },
          read,
        );
        call.once('socket', (socket) => sockets.add(socket)).once('error', reject);
        call.end(JSON.stringify(body));
      });
    const told = async () =>
      (await world.client.metrics()).transports.find((one) => one.transport === 'rest');

    it('are those of the socket, by session and by operation', async () => {
      await post('/api/sessions', { ...counter, session_id: 'a' });
      await post('/api/sessions/a/execute', { code: `say ${'x'.repeat(5000)}` });
      await post(
        '/api/sessions/a/execute',
        { code: `say ${'x'.repeat(5000)}` },
        { 'Accept-Encoding': 'gzip' },
      );
      await post('/api/sessions/a/execute', { code: 'add 1' });
      expect(sockets.size).to.equal(1);
      const [socket] = sockets;
      await until(async () => (await told())?.sentBytes === socket?.bytesRead);
      expect((await told())?.receivedBytes).to.equal(socket?.bytesWritten);
      const { operations, receivedBytes, sentBytes } = await world.client.metrics();
      const session = await world.client.session('a').metrics();
      const [create, execute] = operations;
      expect([create?.operation, execute?.operation]).to.deep.equal(['create_session', 'execute']);
      expect(session.operations[0]).to.include({
        operation: 'execute',
        receivedBytes: execute?.receivedBytes,
      });
      expect(session.sentBytes).to.equal(execute?.sentBytes);
      expect(receivedBytes).to.equal((create?.receivedBytes ?? 0) + (execute?.receivedBytes ?? 0));
      expect(sentBytes).to.equal(socket?.bytesRead);
      // Compressed, one of the two long answers went out short.
      expect(session.sentBytes).to.be.greaterThan(10_000).and.lessThan(15_000);
    });

    it('are told of answers that nobody waited for', async () => {
      await world.client.createSession({ ...counter, sessionId: 'a' });
      const gone = post('/api/sessions/a/execute', { code: 'hang' }).catch(() => 'gone');
      for await (const event of world.client.session('a').events()) if (event.type === 'stdout') break;
      for (const socket of sockets) socket.destroy();
      expect(await gone).to.equal('gone');
      await world.client.session('a').interrupt();
      await until(async () => ((await told())?.receivedBytes ?? 0) > 0);
      expect((await told())?.callCount).to.equal(1);
    });
  });
});
