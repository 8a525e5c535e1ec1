/** Shares over HTTP: who is let in, what addresses there are, and that nothing goes on when a share has ended. */
import { expect } from 'chai';
import type { RestTransport } from '../src/api/rest-transport.js';
import { openApiDocument } from '../src/api/openapi.js';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { ILog } from '../src/types/ports.js';
import { restOf, token as ownToken } from './support/rest-door.js';
import { codeOf, counter, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

describe('shares over HTTP', () => {
  let world: World;
  let transport: RestTransport;
  let said: string[];
  let callers: HttpCaller[];

  beforeEach(async () => {
    said = [];
    callers = [];
    const say = (fields: object, message: string) => void said.push(JSON.stringify([fields, message]));
    const log: ILog = { trace: say, debug: say, info: say, warn: say, error: say, child: () => log };
    world = await openWorld({ log });
    const authenticators = world.extensions.flatMap(({ authenticator }) => authenticator ?? []);
    transport = restOf(world, {}, { authenticators });
    await transport.start({ catalogue: world.catalogue, log });
    await world.client.createSession({ ...counter, sessionId: 'a' });
    await world.client.createSession({ ...counter, sessionId: 'b' });
  });
  afterEach(async () => {
    for (const caller of callers) caller.dispose();
    await transport.dispose();
    await world.close();
  });

  const clientOf = (token: string, clientId = 'c') => {
    const caller = new HttpCaller({ url: transport.url, token, clientId, retries: 0 });
    callers.push(caller);
    return new Sojourn(caller);
  };
  const ask = (
    path: string,
    token: string,
    { headers = {}, ...init }: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) =>
    fetch(`${transport.url}/api${path}`, {
      ...init,
      headers: { 'Content-Type': 'application/json', ...headers, Authorization: `Bearer ${token}` },
    });
  const share = (mode: 'readonly' | 'readwrite' = 'readonly') => world.client.session('a').share({ mode });

  it('let their holder in, and nobody when they are revoked', async () => {
    const { token, shareId } = await share('readwrite');
    const guest = clientOf(token);
    expect(await guest.healthCheck()).to.equal(true);
    expect((await guest.session('a').execute('add 2')).output).to.equal('2\n');
    expect(await codeOf(guest.session('b').info())).to.equal('session_not_found');
    await world.client.session('a').revokeShare(shareId);
    expect(await codeOf(guest.session('a').info())).to.equal('unauthorized');
    const refused = await ask('/sessions/a', token);
    expect([refused.status, refused.headers.get('WWW-Authenticate')]).to.deep.equal([
      401,
      'Bearer realm="sojourn"',
    ]);
  });

  it('have addresses of their own', async () => {
    const made = await ask('/sessions/a/shares', ownToken, { method: 'POST', body: '{"mode":"readonly"}' });
    expect(made.status).to.equal(201);
    const { share_id, token } = (await made.json()) as { share_id: string; token: string };
    const listed = await ask('/sessions/a/shares', ownToken);
    expect(await listed.json()).to.have.nested.property('shares[0].share_id', share_id);
    const gone = await ask(`/sessions/a/shares/${share_id}`, ownToken, { method: 'DELETE' });
    expect(gone.status).to.equal(204);
    expect((await ask('/sessions/a', token)).status).to.equal(401);
    expect(
      (await ask('/sessions/a/share', ownToken, { method: 'POST', body: '{"mode":"readonly"}' })).status,
    ).to.equal(200);
  });

  it('end what still runs for their holder: a wait for events is cut off', async () => {
    const { token, shareId } = await share();
    const { headSeq } = await world.client.session('a').info();
    const waiting = ask(`/sessions/a/events?since_seq=${headSeq + 2}&wait_s=60`, token).then(
      (response) => response.text(),
      () => 'cut off',
    );
    await until(async () => (await world.client.session('a').shares())[0]?.lastUsedAt !== null);
    await world.client.session('a').revokeShare(shareId);
    expect(await waiting).to.equal('cut off');
  });

  it('let a write go on that was accepted, though nobody hears of it any more', async () => {
    const { token, shareId } = await share('readwrite');
    const writing = codeOf(clientOf(token).session('a').execute('hang'));
    for await (const event of world.client.session('a').events()) if (event.type === 'stdout') break;
    await world.client.session('a').revokeShare(shareId);
    expect(await writing).to.equal('engine_unavailable');
    await world.client.session('a').interrupt();
    await until(async () => (await world.client.session('a').info()).status === 'idle');
    expect((await world.client.session('a').info()).totalExecutions).to.equal(1);
  });

  it('are refused without a word on what is wrong, and the server goes on', async () => {
    const { token } = await share();
    const [session = '', id = '', secret = ''] = token.split('.');
    const wrong = [
      `sjs_${Buffer.from('nothing').toString('base64url')}.${id}.${secret}`,
      `${session}.aaaaaaaaaaaaaaaaaaaa.${secret}`,
      `${session}.${id}.${'A'.repeat(43)}`,
      `sjs_${'A'.repeat(900)}`,
    ];
    const answers = await Promise.all(
      wrong.map(async (one) => {
        const response = await ask('/sessions/a', one);
        const { status, code, detail } = (await response.json()) as Record<string, unknown>;
        return JSON.stringify({ status, code, detail });
      }),
    );
    expect(new Set(answers).size).to.equal(1);
    expect(answers[0]).to.include('unauthorized');
    expect((await ask('/sessions/a', token)).status).to.equal(200);
  });

  it('are in no log, whatever it tells', async () => {
    const { token, shareId } = await share('readwrite');
    const guest = clientOf(token);
    await guest.session('a').execute('add 1');
    await codeOf(guest.session('a').call('share', { mode: 'readonly' }));
    await clientOf(ownToken).session('a').share({ mode: 'readonly' });
    await world.client.session('a').revokeShare(shareId);
    await codeOf(guest.session('a').info());
    const [, , secret = ''] = token.split('.');
    expect(said.join('\n')).not.to.include(secret).and.not.include('sjs_');
  });

  it('attach and detach by POST alone', async () => {
    expect((await ask('/sessions/a/attach?mode=readwrite', ownToken)).status).to.equal(404);
    const { paths } = openApiDocument(world.catalogue, '1') as { paths: Record<string, object> };
    for (const name of ['attach', 'detach'])
      expect(Object.keys(paths[`/api/sessions/{id}/${name}`] ?? {})).to.deep.equal(['post']);
    const body = '{"mode":"readwrite"}';
    const unnamed = await ask('/sessions/a/attach', ownToken, { method: 'POST', body });
    expect(unnamed.status).to.equal(400);
    const headers = { 'Sojourn-Client': 'me' };
    expect((await ask('/sessions/a/attach', ownToken, { method: 'POST', body, headers })).status).to.equal(
      200,
    );
    const locked = await ask('/sessions/a/execute', ownToken, { method: 'POST', body: '{"code":"add 1"}' });
    expect(locked.status).to.equal(423);
    expect(await locked.json()).to.include({ code: 'session_locked', holder: 'me' });
    expect(await (await ask('/sessions/a/clients', ownToken)).json()).to.have.nested.property(
      'clients[0].client_id',
      'me',
    );
  });
});
