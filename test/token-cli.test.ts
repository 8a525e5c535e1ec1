/** `sojourn token`: shares from a terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { RestTransport } from '../src/api/rest-transport.js';
import { durationS } from '../src/cli/token-commands.js';
import { silentLog } from '../src/core/system.js';
import { restOf, token as ownToken } from './support/rest-door.js';
import { programPath } from './support/server-process.js';
import { counter } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

describe('the command token', function () {
  this.timeout(60_000);
  let world: World;
  let transport: RestTransport;
  let home: string;

  before(async () => {
    home = await temporaryFolder();
    world = await openWorld();
    const authenticators = world.extensions.flatMap(({ authenticator }) => authenticator ?? []);
    transport = restOf(world, {}, { authenticators });
    await transport.start({ catalogue: world.catalogue, log: silentLog });
    for (const sessionId of ['a', 'b']) await world.client.createSession({ ...counter, sessionId });
  });
  after(async () => {
    await transport.dispose();
    await world.close();
  });

  async function sojourn(args: string[], token = ownToken) {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      SOJOURN_URL: transport.url,
      SOJOURN_TOKEN: token,
    };
    const child = spawn(process.execPath, [programPath, ...args], { env, cwd: home });
    child.stdin.end();
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  }

  it('makes a share, lists it and ends it', async () => {
    const made = await sojourn(['token', 'create', '--session', 'a', '--mode', 'readonly', '--ttl', '1h']);
    expect([made.code, made.out]).to.deep.equal([0, made.out.trim() + '\n']);
    const guest = made.out.trim();
    expect(guest).to.match(/^sjs_/);
    const [shareId = ''] = /(?<=^share )\w+/.exec(made.err) ?? [];
    expect((await sojourn(['ls'], guest)).out)
      .to.match(/\na\s+counter/)
      .and.not.match(/\nb\s/);
    expect((await sojourn(['token', 'create', '--session', 'a', '--mode', 'readonly'], guest)).code).to.equal(
      1,
    );
    const listed = await sojourn(['token', 'ls', '--json']);
    expect(JSON.parse(listed.out)).to.have.nested.property('[0].share_id', shareId);
    expect((await sojourn(['token', 'ls', '--session', 'b'])).out).to.equal('No shares.\n');
    expect(await sojourn(['token', 'revoke', shareId])).to.include({ code: 0, out: `Revoked ${shareId}.\n` });
    expect((await sojourn(['token', 'revoke', shareId, '--session', 'a'])).code).to.equal(1);
    expect((await sojourn(['ls'], guest)).code).to.equal(1);
  });

  it('knows wrong usage', async () => {
    for (const wrong of [
      ['token', 'create', '--mode', 'readonly'],
      ['token', 'create', '--session', 'a'],
      ['token', 'create', '--session', 'a', '--mode', 'all'],
      ['token', 'create', '--session', 'a', '--mode', 'readonly', '--ttl', 'soon'],
      ['token', 'revoke'],
      ['token', 'fly'],
    ])
      expect((await sojourn(wrong)).code, wrong.join(' ')).to.equal(2);
  });

  it('reads times with and without a unit', () => {
    expect(['90', '90s', '15m', '1h', '7d'].map(durationS)).to.deep.equal([90, 90, 900, 3600, 604_800]);
    for (const wrong of ['', '0', '0h', '-1', '1.5h', '1y', 'h'])
      expect(() => durationS(wrong)).to.throw('time');
  });
});
