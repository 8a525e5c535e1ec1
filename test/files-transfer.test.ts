/** Bytes of files on their way: over HTTP by hand, and through both clients. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { LongRequests } from '../src/api/client-errors.js';
import type { RestTransport } from '../src/api/rest-transport.js';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { silentLog } from '../src/core/system.js';
import type { ConfigInput } from '../src/types/config.js';
import { isSojournError } from '../src/types/errors.js';
import { restOf, token } from './support/rest-door.js';
import { codeOf, counter } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe('K-27: files over HTTP', () => {
  let world: World;
  let transport: RestTransport;
  let client: Sojourn;
  let workspace = '';

  const serve = async (given: ConfigInput = {}) => {
    world = await openWorld({ config: given });
    transport = restOf(world, given);
    await transport.start({ catalogue: world.catalogue, log: silentLog });
    client = new Sojourn(new HttpCaller({ url: transport.url, token, retries: 0 }));
    const session = await client.createSession({ ...counter, sessionId: 'a' });
    ({ workspace } = await session.files.list());
  };
  beforeEach(() => serve());
  const close = async () => {
    await client.close();
    await transport.dispose();
    await world.close();
  };
  afterEach(close);

  const begin = (path: string, method: string, headers: Record<string, string> = {}): ClientRequest => {
    const { hostname, port } = new URL(transport.url);
    const own = { Authorization: `Bearer ${token}`, ...headers };
    return request({
      hostname,
      port,
      path: `/api/sessions/a/files${path}`,
      method,
      headers: own,
      agent: false,
    });
  };
  const finish = async (call: ClientRequest, body?: Uint8Array | string): Promise<Answer> => {
    call.end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, headers } = response;
    return { status, headers, body: await bytesOf(response) };
  };
  const ask = (
    path: string,
    method = 'GET',
    headers: Record<string, string> = {},
    body?: Uint8Array | string,
  ) => finish(begin(path, method, headers), body);
  const problem = ({ status, body }: Answer) => [
    status,
    (JSON.parse(body.toString()) as { code: string }).code,
  ];
  const incoming = () => readdir(join(dirname(dirname(workspace)), '.incoming')).catch(() => []);

  it('are put, got and deleted under their own addresses', async () => {
    const put = await ask('/uploads/int.txt', 'PUT', {}, 'int');
    expect(put.status).to.equal(200);
    expect(JSON.parse(put.body.toString())).to.include({ path: 'uploads/int.txt', size: 3, durable: true });
    expect(await readFile(join(workspace, 'uploads/int.txt'), 'utf8')).to.equal('int');
    const got = await ask('/uploads/int.txt');
    expect([got.status, got.body.toString()]).to.deep.equal([200, 'int']);
    expect(JSON.parse((await ask('')).body.toString())).to.have.nested.property('files[0].path', 'uploads');
    expect(problem(await ask('/uploads', 'DELETE'))).to.deep.equal([409, 'conflict']);
    expect((await ask('/uploads?recursive=true', 'DELETE')).status).to.equal(200);
    expect(problem(await ask('/uploads/int.txt'))).to.deep.equal([404, 'file_not_found']);
    expect(problem(await ask('/nope', 'DELETE'))).to.deep.equal([404, 'file_not_found']);
  });

  it('are sent to be saved, never to be shown', async () => {
    await writeFile(join(workspace, 'a"b\n日.html'), '<script>');
    const { headers } = await ask(`/${encodeURIComponent('a"b\n日.html')}`);
    expect(headers).to.include({
      'x-content-type-options': 'nosniff',
      'content-type': 'text/html; charset=utf-8',
      'content-disposition': `attachment; filename="a_b__.html"; filename*=UTF-8''a%22b%0A%E6%97%A5.html`,
      'content-length': '8',
      'accept-ranges': 'bytes',
    });
    expect(headers['content-encoding']).to.equal(undefined);
  });

  it('tell their size to HEAD and are not compressed', async () => {
    await writeFile(join(workspace, 'f.txt'), 'x'.repeat(5000));
    const head = await ask('/f.txt', 'HEAD', { 'Accept-Encoding': 'gzip' });
    expect([head.status, head.headers['content-length'], head.body.length]).to.deep.equal([200, '5000', 0]);
    const { headers, body } = await ask('/f.txt', 'GET', { 'Accept-Encoding': 'gzip' });
    expect([headers['content-encoding'], body.length]).to.deep.equal([undefined, 5000]);
    expect((await ask('/none', 'HEAD')).status).to.equal(404);
  });

  for (const [range, status, content, contentRange] of [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-500', 206, '56789', 'bytes 5-9/10'],
    ['bytes=5-99999999999999999999', 206, '56789', 'bytes 5-9/10'],
    ['bytes=-99999999999999999999', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=4-2', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['lines=0-1', 200, '0123456789', undefined],
    ['bytes=99999999999999999999-', 416, null, 'bytes */10'],
    ['bytes=10-', 416, null, 'bytes */10'],
    ['bytes=-0', 416, null, 'bytes */10'],
  ] as const) {
    it(`answer ${range} with ${status}`, async () => {
      await writeFile(join(workspace, 'f'), '0123456789');
      const answer = await ask('/f', 'GET', { Range: range });
      expect([answer.status, answer.headers['content-range']]).to.deep.equal([status, contentRange]);
      if (content === null) expect(problem(answer)).to.deep.equal([416, 'range_not_satisfiable']);
      else expect(answer.body.toString()).to.equal(content);
    });
  }

  it('give a range only of the version that was meant', async () => {
    await writeFile(join(workspace, 'f'), '0123456789');
    const { etag = '' } = (await ask('/f')).headers;
    const headers = { Range: 'bytes=0-1', 'If-Range': etag };
    expect((await ask('/f', 'GET', headers)).status).to.equal(206);
    await writeFile(join(workspace, 'f'), 'somewhat longer than before');
    expect((await ask('/f', 'GET', headers)).status).to.equal(200);
  });

  for (const path of [
    '/..%2f..%2fsecret',
    '/%2e%2e/secret',
    '/../secret',
    '/x/../../../secret',
    '/%2fetc%2fpasswd',
  ]) {
    it(`K-26: refuse ${path} in every method`, async () => {
      await mkdir(join(workspace, 'x'));
      for (const method of ['GET', 'PUT', 'DELETE'])
        expect(
          problem(await ask(path, method, {}, method === 'PUT' ? 'x' : undefined)),
          method,
        ).to.deep.equal([400, 'invalid_params']);
      expect((await ask(path, 'HEAD')).status).to.equal(400);
    });
  }

  it('refuse a broken address and a body that is encoded', async () => {
    expect(problem(await ask('/%zz'))).to.deep.equal([400, 'invalid_params']);
    expect(problem(await ask('/f', 'PUT', { 'Content-Encoding': 'gzip' }, 'x'))).to.deep.equal([
      400,
      'invalid_params',
    ]);
    expect(problem(await ask('/f', 'PUT', { Authorization: 'Bearer wrong' }, 'x'))).to.deep.equal([
      401,
      'unauthorized',
    ]);
    expect(await readdir(workspace)).to.deep.equal([]);
  });

  it('may be as large as the limits say, whatever a request in JSON may be', async () => {
    await close();
    await serve({ limits: { request_bytes: 10_000 } });
    const content = randomBytes(20_000_000);
    expect((await ask('/large', 'PUT', {}, content)).status).to.equal(200);
    const { body } = await ask('/large');
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(body)).to.equal(digest(content));
  });

  it('leave nothing when the sender goes away half way', async () => {
    const call = begin('/f', 'PUT', { 'Content-Length': '10000000' });
    call.on('error', () => undefined);
    call.write(randomBytes(1_000_000));
    while ((await incoming()).length === 0) await delay(2);
    call.destroy();
    while ((await incoming()).length > 0) await delay(2);
    expect(await readdir(workspace)).to.deep.equal([]);
    expect((await ask('/f', 'PUT', {}, 'whole')).status).to.equal(200);
  });

  it('go on being served when the one who gets them goes away', async () => {
    await writeFile(join(workspace, 'f'), randomBytes(20_000_000));
    const call = begin('/f', 'GET');
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    await once(response, 'data');
    response.on('error', () => undefined);
    response.destroy();
    expect((await ask('/f', 'HEAD')).headers['content-length']).to.equal('20000000');
  });

  describe('past a limit', () => {
    const limited = (limits: NonNullable<ConfigInput['limits']>) => async () => {
      await close();
      await serve({ limits });
    };
    const over = async (path: string, size: number, setting: string) => {
      const { status, body } = await ask(path, 'PUT', {}, new Uint8Array(size));
      const answer = JSON.parse(body.toString()) as Record<string, unknown>;
      expect([status, answer.code, answer.setting]).to.deep.equal([429, 'limit_exceeded', setting]);
      expect(await incoming()).to.deep.equal([]);
    };

    it('of one file write nothing', async () => {
      await limited({ file_bytes: 1000 })();
      expect((await ask('/f', 'PUT', {}, new Uint8Array(1000))).status).to.equal(200);
      await over('/g', 1001, 'limits.file_bytes');
      await over('/g', 2_000_000, 'limits.file_bytes');
      const text = 'x'.repeat(1001);
      const error: unknown = await client
        .session('a')
        .files.write('g', text)
        .catch((caught: unknown) => caught);
      expect(isSojournError(error, 'limit_exceeded') && error.fields.setting).to.equal('limits.file_bytes');
      expect(await readdir(workspace)).to.deep.equal(['f']);
    });

    it('of the workspace write nothing, count what the session wrote, and what is replaced only once', async () => {
      await limited({ workspace_bytes: 1_000_000 })();
      await writeFile(join(workspace, 'own'), new Uint8Array(400_000));
      expect((await ask('/f', 'PUT', {}, new Uint8Array(500_000))).status).to.equal(200);
      expect((await ask('/f', 'PUT', {}, new Uint8Array(600_000))).status).to.equal(200);
      await over('/f', 600_001, 'limits.workspace_bytes');
      await over('/new/g', 1, 'limits.workspace_bytes');
      expect((await readdir(workspace)).sort()).to.deep.equal(['f', 'own']);
      await writeFile(join(workspace, 'own'), '');
      expect((await ask('/g', 'PUT', {}, new Uint8Array(400_000))).status).to.equal(200);
    });

    it('of a body whose length nobody told stop it on the way', async () => {
      await limited({ workspace_bytes: 1_000_000 })();
      const call = begin('/f', 'PUT', { 'Transfer-Encoding': 'chunked' });
      call.write(new Uint8Array(800_000));
      const answer = await finish(call, new Uint8Array(800_000));
      expect(problem(answer)).to.deep.equal([429, 'limit_exceeded']);
      expect(await incoming()).to.deep.equal([]);
    });

    it('of many at once let in as many as fit', async () => {
      await limited({ workspace_bytes: 1_000_000 })();
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) => ask(`/f${index}`, 'PUT', {}, new Uint8Array(300_000))),
      );
      expect(answers.filter(({ status }) => status === 200)).to.have.length(3);
      expect(await readdir(workspace)).to.have.length(3);
    });

    it('of the number of files write no further one, and let others be replaced', async () => {
      await limited({ workspace_entries: 3 })();
      for (const name of ['a', 'b', 'c'])
        expect((await ask(`/${name}`, 'PUT', {}, 'x')).status).to.equal(200);
      await over('/d', 1, 'limits.workspace_entries');
      expect((await ask('/a', 'PUT', {}, 'new')).status).to.equal(200);
    });
  });

  describe('through a client', () => {
    for (const [name, session] of [
      ['over HTTP', () => client.session('a')],
      ['in process', () => world.client.session('a')],
    ] as const) {
      const files = () => session().files;

      it(`go up and down ${name}`, async () => {
        const content = randomBytes(700_000);
        async function* pieces() {
          for (let start = 0; start < content.length; start += 100_000)
            yield await Promise.resolve(content.subarray(start, start + 100_000));
        }
        expect(await files().upload('dir/stream', pieces())).to.include({
          path: 'dir/stream',
          size: 700_000,
        });
        expect(await files().upload('dir/whole.json', content)).to.include({ created: true });
        expect(await files().write('small', new Uint8Array([255]))).to.include({ size: 1 });
        for (const path of ['dir/stream', 'dir/whole.json']) {
          const file = await files().download(path);
          expect(file.size).to.equal(700_000);
          expect((await bytesOf(file.bytes)).equals(content), path).to.equal(true);
        }
        const unread = await files().download('dir/whole.json');
        expect(unread.contentType).to.equal('application/json');
        await unread.dispose();
        const part = await files().download('dir/whole.json', { start: 10, end: 20 });
        expect([part.size, (await bytesOf(part.bytes)).equals(content.subarray(10, 20))]).to.deep.equal([
          700_000,
          true,
        ]);
        const stopped = await files().download('dir/whole.json');
        for await (const piece of stopped.bytes) if (piece.length > 0) break;
      });

      it(`say what is wrong ${name}`, async () => {
        await files().write('f', '0123456789');
        expect(await codeOf(files().download('none'))).to.equal('file_not_found');
        expect(await codeOf(files().download('f', { start: 10 }))).to.equal('range_not_satisfiable');
        expect(await codeOf(files().download('f', { start: 5, end: 5 }))).to.equal('invalid_params');
        expect(await codeOf(files().upload('../f', new Uint8Array(1)))).to.equal('invalid_params');
        expect(await codeOf(session().call('upload_file', { path: 'f' }))).to.equal('invalid_params');
        expect(await codeOf(files().upload('f', new Uint8Array(1), { ifEpoch: 7 }))).to.equal(
          'epoch_mismatch',
        );
        expect(await codeOf(files().upload('f', new Uint8Array(1), { ifSeq: 0 }))).to.equal('conflict');
        expect(await codeOf(files().write('f', 'x', { waitS: 1 }))).to.equal('invalid_params');
        async function* broken() {
          yield await Promise.resolve(new Uint8Array(1_000_000));
          throw new Error('the source broke');
        }
        const error: unknown = await files()
          .upload('f', broken())
          .catch((caught: unknown) => caught);
        expect(error).to.have.property('message', 'the source broke');
        expect((await files().read('f')).text).to.equal('0123456789');
      });
    }
  });
});

describe('a request that takes long', () => {
  it('is cut off, unless it is one that may', async () => {
    const long = new LongRequests();
    const server = createServer({ requestTimeout: 60, headersTimeout: 60, connectionsCheckingInterval: 10 });
    server.on('request', (incoming, response) => {
      if (incoming.url === '/upload') long.add(incoming);
      void text(incoming).then((body) => response.end(body));
    });
    long.watch(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const send = async (path: string) => {
      const socket = connect(port, '127.0.0.1');
      const heard = text(socket);
      socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\n`);
      for (let sent = 0; sent < 8 && socket.writable; sent += 1) {
        await delay(25);
        socket.write('x');
      }
      return (await heard).split('\r\n')[0];
    };
    expect(await Promise.all([send('/upload'), send('/other')])).to.deep.equal([
      'HTTP/1.1 200 OK',
      'HTTP/1.1 408 Request Timeout',
    ]);
    server.close();
    await once(server, 'close');
  });
});
