/** Files that are sent as forms: the same limits, the same place, and nothing left of what was no form. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RestTransport } from '../src/api/rest-transport.js';
import { silentLog } from '../src/core/system.js';
import type { ConfigInput } from '../src/types/config.js';
import { restOf, token } from './support/rest-door.js';
import { counter, journal, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const boundary = '--of-the-tests';

/** A part of a form by hand. */
const part = (disposition: string, content: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
const end = `--${boundary}--\r\n`;
const file = (content: string, name = 'f.txt') => part(`name="file"; filename="${name}"`, content);
const field = (name: string, value: string) => part(`name="${name}"`, value);

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

describe('a file that is sent as a form', () => {
  let world: World;
  let transport: RestTransport;
  let client: Sojourn;
  let workspace = '';

  const serve = async (given: ConfigInput = {}) => {
    world = await openWorld({ config: given });
    transport = restOf(world, { ...given, shutdown_grace_s: 0 });
    await transport.start({ catalogue: world.catalogue, log: silentLog });
    client = new Sojourn(new HttpCaller({ url: transport.url, token, retries: 0 }));
    const session = await client.createSession({ ...counter, sessionId: 'a' });
    ({ workspace } = await session.files.list());
  };
  const close = async () => {
    await client.close();
    await transport.dispose();
    await world.close();
  };
  beforeEach(() => serve({ limits: { workspace_bytes: 40_000_000 } }));
  afterEach(close);

  const sendForm = async (form: FormData, path = '/files'): Promise<Answer> => {
    const response = await fetch(`${transport.url}/api/sessions/a${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: form,
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  };
  const begin = (type = `multipart/form-data; boundary=${boundary}`): ClientRequest => {
    const { hostname, port } = new URL(transport.url);
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': type };
    return request({ hostname, port, path: '/api/sessions/a/files', method: 'POST', headers, agent: false });
  };
  const send = async (body: string | Uint8Array, type?: string): Promise<Answer> => {
    const call = begin(type);
    call.end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: (await json(response)) as Answer['body'] };
  };
  const incoming = () => readdir(join(dirname(dirname(workspace)), '.incoming')).catch(() => []);
  const expectNothing = async () => {
    expect(await readdir(workspace)).to.deep.equal([]);
    expect(await incoming()).to.deep.equal([]);
  };

  it('has the place that the form says, or the name it was sent with', async () => {
    const form = new FormData();
    form.append('path', 'data/ä.bin');
    form.append('file', new Blob([new Uint8Array([0, 255, 13, 10])]), 'other.bin');
    expect((await sendForm(form)).body).to.include({ path: 'data/ä.bin', size: 4, durable: true });
    expect([...(await readFile(join(workspace, 'data/ä.bin')))]).to.deep.equal([0, 255, 13, 10]);
    const plain = new FormData();
    plain.append('upload', new Blob(['x']), 'plain.txt');
    expect((await sendForm(plain)).body).to.include({ path: 'plain.txt', created: true });
    expect((await sendForm(plain, '/upload_file?path=named.txt')).body).to.include({ path: 'named.txt' });
  });

  it('is taken in as it comes, large or small, and kept like every other', async () => {
    const bytes = randomBytes(20_000_000);
    const form = new FormData();
    form.append('file', new Blob([bytes]), 'large');
    expect((await sendForm(form)).body).to.include({ path: 'large', size: bytes.length });
    expect((await readFile(join(workspace, 'large'))).equals(bytes)).to.equal(true);
    const [input] = (await journal(client.session('a'))).filter(({ type }) => type === 'input');
    expect(input).to.deep.include({ operation: 'upload_file', replay: false });
    expect(await incoming()).to.deep.equal([]);
  });

  it('is refused on its way when it is too large', async () => {
    const call = begin();
    const answered = once(call, 'response');
    call.on('error', () => undefined);
    function* pieces() {
      yield Buffer.from(file('').slice(0, -2));
      for (let sent = 0; sent < 60; sent += 1) yield Buffer.alloc(1_000_000);
    }
    Readable.from(pieces()).pipe(call);
    const [response] = (await answered) as [IncomingMessage];
    expect(await json(response)).to.include({ code: 'limit_exceeded', setting: 'limits.workspace_bytes' });
    call.destroy();
    await expectNothing();
  });

  it('leads nowhere but into the workspace', async () => {
    expect((await send(field('path', '/etc/out') + file('x') + end)).body.code).to.equal('invalid_params');
    expect((await send(field('path', '../out') + file('x') + end)).body.code).to.equal('invalid_params');
    expect((await send(file('x', '../../name') + end)).body).to.include({ path: 'name' });
    await mkdir(join(workspace, 'folder'));
    expect((await send(field('path', 'folder') + file('x') + end)).status).to.equal(409);
  });

  const wrongForms: Record<string, string> = {
    'without a file': field('path', 'x') + end,
    'with two files': file('one') + file('two', 'g.txt') + end,
    'with a field behind the file': file('one') + field('path', 'x') + end,
    'with a field that stands there twice': field('path', 'x') + field('path', 'y') + file('one') + end,
    'with a field nobody knows': field('nope', 'x') + file('one') + end,
    'with a long field': field('path', 'x'.repeat(10_000)) + file('one') + end,
    'with many fields':
      Array.from({ length: 30 }, (_, n) => field(`f${n}`, 'x')).join('') + file('one') + end,
    'that ends within its file': file('one').slice(0, -2),
    'that ends within a head': `--${boundary}\r\nContent-Disp`,
    'that is none': 'no form at all',
    'that is empty': '',
  };
  for (const [kind, body] of Object.entries(wrongForms)) {
    it(`writes nothing of a form ${kind}`, async () => {
      const answer = await send(body);
      expect([answer.status, answer.body.code]).to.deep.equal([400, 'invalid_params']);
      await expectNothing();
    });
  }

  it('writes nothing of a form without a boundary', async () => {
    const answer = await send(file('x') + end, 'multipart/form-data');
    expect(answer.body.code).to.equal('invalid_params');
    await expectNothing();
  });

  it('writes nothing of a form whose sender goes away', async () => {
    const call = begin();
    call.on('error', () => undefined);
    call.write(file('x'.repeat(400_000)).slice(0, -2));
    await until(async () => (await incoming()).length > 0);
    call.destroy();
    await until(async () => (await incoming()).length === 0);
    await expectNothing();
  });

  it('is refused before it is read when the session is not there', async () => {
    const form = new FormData();
    form.append('file', new Blob([randomBytes(5_000_000)]), 'f');
    const response = await fetch(`${transport.url}/api/sessions/nope/files`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: form,
    });
    expect(response.status).to.equal(404);
    await response.body?.cancel();
  });

  it('is documented beside the raw body', async () => {
    const response = await fetch(`${transport.url}/api/openapi.json`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const document = (await response.json()) as { paths: Record<string, { post?: { requestBody: object } }> };
    expect(document.paths['/api/sessions/{id}/files']?.post?.requestBody)
      .to.have.property('content')
      .with.all.keys('application/octet-stream', 'multipart/form-data');
  });
});
